"""JSON byte for byte as Go writes a map: sorted, without blanks, and safe in HTML.

Some bytes outlive the request. The server keeps a ControllerRevision's data as they were sent and allows no change of
them; its controllers' patches send them through Go, so bytes of another form could never be adopted again.
"""

from __future__ import annotations

import json
from typing import Any


def go_json(value: Any) -> str:
    """What ``encoding/json`` makes of it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
