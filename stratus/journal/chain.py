"""The hash chain: every event's hash covers its content and the hash before it, so that no row can be changed unseen."""

from __future__ import annotations

import hashlib
import json
from typing import Any

GENESIS = "0" * 64


def canonical(value: Any) -> str:
    """JSON with one spelling only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def link(previous: str, seq: int, at: str, stream: str, version: int, body: str) -> str:
    """SHA-256, in hex, of one event and all before it."""
    content = "\x1f".join((previous, str(seq), at, stream, str(version), body))
    return hashlib.sha256(content.encode()).hexdigest()
