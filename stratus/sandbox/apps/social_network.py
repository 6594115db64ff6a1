"""The benchmarks' social network: Thrift services behind nginx, each with its cache and its MongoDB."""

from __future__ import annotations

from functools import cache
from typing import Any

from stratus.sandbox.apps.base import MIB
from stratus.sandbox.apps.builder import Component, configmap, custom_service, load, namespace, secret
from stratus.sandbox.apps.profile import Profile

Object = dict[str, Any]
NAMESPACE = "social-network"
IMAGE = "deathstarbench/social-network-microservices:latest"
CONFIG = "/etc/mongo/mongod.conf"
MONGOD_CONF = "net:\n  port: 27017\n  bindIp: 0.0.0.0\n  tls:\n    mode: disabled\nstorage:\n  dbPath: /data/db\n"
CERTIFICATES = "/etc/mongo-tls"

CALLS: dict[str, tuple[str, ...]] = {
    "compose-post-service": (
        "text-service:9090", "media-service:9090", "unique-id-service:9090", "user-service:9090",
        "post-storage-service:9090", "user-timeline-service:9090", "home-timeline-service:9090",
    ),
    "home-timeline-service": ("home-timeline-redis:6379", "post-storage-service:9090", "social-graph-service:9090"),
    "media-service": ("media-memcached:11211", "media-mongodb:27017"),
    "post-storage-service": ("post-storage-memcached:11211", "post-storage-mongodb:27017"),
    "social-graph-service": ("social-graph-redis:6379", "social-graph-mongodb:27017"),
    "text-service": ("url-shorten-service:9090", "user-mention-service:9090"),
    "unique-id-service": (),
    "url-shorten-service": ("url-shorten-memcached:11211", "url-shorten-mongodb:27017"),
    "user-mention-service": ("user-memcached:11211", "user-mongodb:27017"),
    "user-service": ("user-memcached:11211", "user-mongodb:27017"),
    "user-timeline-service": ("user-timeline-redis:6379", "user-timeline-mongodb:27017", "post-storage-service:9090"),
}  # fmt: skip
FRONT = "compose-post-service:9090,home-timeline-service:9090,user-timeline-service:9090"


def binary(service: str) -> str:
    """The program of a service in the common image: user-service → UserService."""
    return "".join(part.capitalize() for part in service.split("-"))


BINARIES = {binary(name): {"NAME": name, "PORT": "9090", "CALLS": ",".join(calls)} for name, calls in CALLS.items()}
PROFILES: dict[str, Profile] = {
    IMAGE: Profile(size=140 * MIB, memory_bytes=12 * MIB, cpu_seconds=0.001, entry_points=BINARIES),
    "yg397/openresty-thrift:xenial": Profile(settings={"PORT": "8080", "CALLS": FRONT}, memory_bytes=24 * MIB),
    "redis:6.2": Profile(
        settings={"PORT": "6379"},
        memory_bytes=6 * MIB,
        seconds=0.0005,
        cpu_seconds=0.0002,
        entry_points={"redis-server": {}},
    ),
}


@cache
def manifests() -> tuple[Object, ...]:
    """All objects, in the order in which to create them."""
    objects: list[Object] = [namespace(NAMESPACE)]
    certificates = {"tls.pem": "-----BEGIN CERTIFICATE-----\n", "ca.crt": "-----BEGIN CERTIFICATE-----\n"}
    objects.append(secret(NAMESPACE, "mongodb-tls", certificates))
    for store in sorted({call for calls in CALLS.values() for call in calls if not call.endswith(":9090")}):
        objects += _store(*store.split(":"))
    for name in CALLS:
        objects += Component(name, IMAGE, 9090, command=(binary(name),), env={"NAME": name}).objects(NAMESPACE)
    front = Component("nginx-thrift", "yg397/openresty-thrift:xenial", 8080, env={"NAME": "nginx-thrift"})
    objects += front.objects(NAMESPACE)
    objects += custom_service(NAMESPACE)
    return (*objects, *load(NAMESPACE, "nginx-thrift:8080", "3"))


def _store(name: str, port: str) -> list[Object]:
    kind = name.rpartition("-")[2]
    if kind != "mongodb":
        image = "redis:6.2" if kind == "redis" else "memcached:1.6"
        return Component(name, image, int(port), env={"NAME": name}).objects(NAMESPACE)
    component = Component(
        name,
        "mongo:4.4.6",
        int(port),
        command=("mongod", "--config", CONFIG),
        env={"NAME": name},
        memory="256Mi",
        volumes=(
            {"name": "config", "configMap": {"name": name}},
            {"name": "tls", "secret": {"secretName": "mongodb-tls"}},
        ),
        mounts=(
            {"name": "config", "mountPath": "/etc/mongo"},
            {"name": "tls", "mountPath": CERTIFICATES},
        ),
    )
    return [configmap(NAMESPACE, name, {"mongod.conf": MONGOD_CONF}), *component.objects(NAMESPACE)]
