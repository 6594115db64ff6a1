"""Kubernetes quantities, as far as comparing and choosing amounts of memory and CPU needs them."""

from __future__ import annotations

import re
from typing import Any, Final

_FACTORS: Final = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


def amount(text: Any) -> float:
    """``96Mi`` in bytes, ``10m`` in cores; 0 for what is not a quantity."""
    match = re.fullmatch(r"([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)([a-zA-Z]{0,2})", str(text or "").strip())
    if match is None or match[2] not in _FACTORS:
        return 0.0
    return float(match[1]) * _FACTORS[match[2]]


def memory(size: float) -> str:
    """Bytes as whole mebibytes."""
    return f"{max(1, round(size / 2**20))}Mi"


def cpu(cores: float) -> str:
    """Cores as whole millicores."""
    return f"{max(1, round(cores * 1000))}m"
