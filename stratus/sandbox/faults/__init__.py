"""The fault catalogue: every fault is a change of objects through the API, and so is its fix."""

from __future__ import annotations

from stratus.sandbox.faults.catalogue import CATALOGUE, find
from stratus.sandbox.faults.fault import Fault
from stratus.sandbox.faults.injector import Faults

__all__ = ["CATALOGUE", "Fault", "Faults", "find"]
