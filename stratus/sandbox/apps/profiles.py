"""The table of images: references and their profiles.

The service image exists in several versions, so that a bad deploy is what it is in reality: another tag. Images of the
benchmarks' applications carry the benchmarks' names.
"""

from __future__ import annotations

from collections.abc import Mapping

from stratus.sandbox.apps import hotel_reservation, shop_manifests, social_network
from stratus.sandbox.apps.base import MIB
from stratus.sandbox.apps.profile import Profile

TRACE = (
    "Traceback (most recent call last):",
    '  File "/app/service.py", line 41, in <module>',
    '    pool = ConnectionPool(size=int(settings["pool"]["size"]))',
    "KeyError: 'pool'",
)
SERVICE_BINARIES: Mapping[str, Mapping[str, str]] = {"service": {}, "service.py": {}}
SERVICE = Profile(size=48 * MIB, entry_points=SERVICE_BINARIES)

HELPERS = ("busybox", "busybox:1.28", "busybox:1.35", "busybox:1.36", "alpine", "alpine:3.19", "curlimages/curl")
WEB_SERVERS = ("nginx", "nginx:1.25", "nginx:1.27", "nginx:alpine", "httpd:2.4")

WEB_SERVER = Profile(size=70 * MIB, settings={"PORT": "80"}, pull_seconds=1.0, entry_points={"nginx": {}, "httpd": {}})


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
    "registry.k8s.io/coredns/coredns:v1.11.1": Profile(
        "coredns", memory_bytes=20 * MIB, shell=False, start_seconds=0.2
    ),
    "quay.io/prometheus/node-exporter:v1.8.0": Profile("idle", memory_bytes=10 * MIB, settings={"PORT": "9100"}),
    **{image: Profile("shell", size=4 * MIB, pull_seconds=0.5, entrypoint=False) for image in HELPERS},
    **dict.fromkeys(WEB_SERVERS, WEB_SERVER),
    **hotel_reservation.PROFILES,
    **social_network.PROFILES,
    **shop_manifests.PROFILES,
}
