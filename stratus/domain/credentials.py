"""Which names say that their value is a credential: such values are never logged or shown."""

from __future__ import annotations

import re

PATTERN = "password|passwd|passphrase|secret|token|credential|api[-_]?key|private[-_]?key"
"""A regular expression for a part of the name, in any case."""
_NAME = re.compile(PATTERN, re.IGNORECASE)


def names_credential(name: object) -> bool:
    """Whether a variable of this name holds a credential, as far as a name can tell."""
    return isinstance(name, str) and _NAME.search(name) is not None
