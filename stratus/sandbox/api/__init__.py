"""The in-process API: the one door through which clients and controllers change the cluster."""

from __future__ import annotations

from stratus.sandbox.api.core import Api
from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.api.options import PatchKind, User, Write

__all__ = ["Api", "ApiError", "PatchKind", "User", "Write"]
