"""All faults by id and alias."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from stratus.sandbox.faults.configuration import CONFIGURATION_FAULTS
from stratus.sandbox.faults.fault import Fault
from stratus.sandbox.faults.hotel import HOTEL_FAULTS
from stratus.sandbox.faults.networking import NETWORK_FAULTS
from stratus.sandbox.faults.scheduling import SCHEDULING_FAULTS
from stratus.sandbox.faults.workloads import WORKLOAD_FAULTS

CATALOGUE: Sequence[Fault] = (
    *HOTEL_FAULTS,
    *NETWORK_FAULTS,
    *SCHEDULING_FAULTS,
    *WORKLOAD_FAULTS,
    *CONFIGURATION_FAULTS,
)


def short_names(fault: Fault) -> Iterable[str]:
    """The aliases of a fault: its own, and its id without the benchmark and its suffix."""
    yield from fault.aliases
    benchmark, _, bare = fault.id.partition("/")
    if benchmark == "sregym":
        yield bare
    elif benchmark == "aiopslab":
        yield bare
        yield bare.removesuffix("-detection/localization").removesuffix("-mitigation-1")


@cache
def _index() -> dict[str, Fault]:
    index = {fault.id: fault for fault in CATALOGUE}
    for fault in CATALOGUE:
        for name in short_names(fault):
            index.setdefault(name, fault)
    return index


def find(name: str) -> Fault:
    """A fault by id or alias. Raises KeyError when there is none."""
    return _index()[name]
