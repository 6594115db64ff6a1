"""The table of images: references and their profiles.

The service image exists in several versions, so that a bad deploy is what it is in reality: another tag. Images of the
benchmarks' applications carry the benchmarks' names.
"""

from __future__ import annotations

from collections.abc import Mapping

from stratus.sandbox.apps.base import MIB
from stratus.sandbox.apps.profile import Profile

TRACE = (
    "Traceback (most recent call last):",
    '  File "/app/service.py", line 41, in <module>',
    '    pool = ConnectionPool(size=int(settings["pool"]["size"]))',
    "KeyError: 'pool'",
)
GO_PANIC = (
    "panic: runtime error: invalid memory address or nil pointer dereference",
    "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x8f2c1a]",
    "",
    "goroutine 1 [running]:",
    "main.main()",
    "\t/go/src/hotelreservation/cmd/geo/main.go:58 +0x3da",
)
SERVICE_BINARIES: Mapping[str, Mapping[str, str]] = {"service": {}, "service.py": {}}
SERVICE = Profile(size=48 * MIB, entry_points=SERVICE_BINARIES)


def versions(base: str) -> dict[str, Profile]:
    """The service image's builds."""
    return {
        f"{base}:1.0": SERVICE,
        f"{base}:1.1": Profile(size=48 * MIB, entry_points=SERVICE_BINARIES, crash=TRACE),
        f"{base}:1.2": Profile(size=48 * MIB, entry_points=SERVICE_BINARIES, fail_percent=40.0),
        f"{base}:1.3": Profile(size=48 * MIB, entry_points=SERVICE_BINARIES, leak_mib=0.5),
        f"{base}:1.4": Profile(size=48 * MIB, entry_points=SERVICE_BINARIES, seconds=2.5),
    }


PROFILES: dict[str, Profile] = {
    **versions("localhost:5000/service"),
    "localhost:5000/pause:3.2": Profile("idle", size=1 * MIB, memory_bytes=1 * MIB),
    "registry.k8s.io/pause:3.9": Profile("idle", size=1 * MIB, memory_bytes=1 * MIB, shell=False),
    "k8s.gcr.io/pause:3.2": Profile("idle", size=1 * MIB, memory_bytes=1 * MIB, shell=False),
}
