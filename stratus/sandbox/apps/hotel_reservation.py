"""The benchmarks' hotel reservation: one image with a binary per service, consul, caches, and MongoDB on volumes.

Ports, names, labels and claims follow the upstream chart, because the benchmarks' faults name them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from stratus.sandbox.apps.base import MIB
from stratus.sandbox.apps.builder import Component, configmap, custom_service, load, namespace
from stratus.sandbox.apps.profile import Profile

Object = dict[str, Any]
NAMESPACE = "hotel-reservation"
LABEL = "io.kompose.service"
IMAGE = "yinfangchen/hotelreservation:latest"
STORES = ("geo", "profile", "rate", "recommendation", "reservation", "user")

BINARIES: dict[str, dict[str, str]] = {
    "frontend": {
        "PORT": "5000",
        "CALLS": "search:8082,profile:8081,recommendation:8085,user:8086,reservation:8087",
        "CONNECT": "consul:8500",
    },
    "search": {"PORT": "8082", "CALLS": "geo:8083,rate:8084", "CONNECT": "consul:8500", "ROUTES": "/request"},
    "geo": {"PORT": "8083", "CALLS": "mongodb-geo:27017", "CONNECT": "mongodb-geo:27017", "ROUTES": "/request"},
    "profile": {
        "PORT": "8081",
        "CALLS": "memcached-profile:11211,mongodb-profile:27017",
        "CONNECT": "mongodb-profile:27017",
        "ROUTES": "/request",
    },
    "rate": {
        "PORT": "8084",
        "CALLS": "memcached-rate:11211,mongodb-rate:27017",
        "CONNECT": "mongodb-rate:27017",
        "ROUTES": "/request",
    },
    "recommendation": {
        "PORT": "8085",
        "CALLS": "mongodb-recommendation:27017",
        "CONNECT": "mongodb-recommendation:27017",
        "ROUTES": "/request",
    },
    "reservation": {
        "PORT": "8087",
        "CALLS": "memcached-reserve:11211,mongodb-reservation:27017",
        "CONNECT": "mongodb-reservation:27017",
        "ROUTES": "/request",
    },
    "user": {"PORT": "8086", "CALLS": "mongodb-user:27017", "CONNECT": "mongodb-user:27017", "ROUTES": "/request"},
}
GO_PANIC = (
    "panic: runtime error: invalid memory address or nil pointer dereference",
    "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x8f2c1a]",
    "goroutine 1 [running]:",
    "main.main()",
    "\t/go/src/hotelreservation/cmd/geo/main.go:58 +0x3da",
)
SIZES: dict[str, Any] = {"size": 180 * MIB, "memory_bytes": 14 * MIB, "cpu_seconds": 0.012}

PROFILES: dict[str, Profile] = {
    IMAGE: Profile(entry_points=BINARIES, **SIZES),
    "yinfangchen/geo:app3": Profile(entry_points=BINARIES, crash=GO_PANIC, **SIZES),
    "jackcuii/hotel-reservation:latest": Profile(entry_points=BINARIES, crash=GO_PANIC, **SIZES),
    "hashicorp/consul:1.13": Profile(settings={"PORT": "8500", "NAME": "consul"}, entry_points={"agent": {}}),
    "memcached:1.6": Profile(
        settings={"PORT": "11211"},
        memory_bytes=4 * MIB,
        seconds=0.0005,
        cpu_seconds=0.0002,
        entry_points={"memcached": {}},
    ),
    "mongo:4.4.6": Profile("mongod", settings={"PORT": "27017"}, memory_bytes=60 * MIB, entry_points={"mongod": {}}),
    "registry.k8s.io/ingress-nginx/controller:v1.10.0": Profile(
        "ingress", settings={"PORT": "80"}, memory_bytes=40 * MIB
    ),
}


@cache
def manifests() -> tuple[Object, ...]:
    """All objects, in the order in which to create them."""
    objects: list[Object] = [namespace(NAMESPACE)]
    for store in STORES:
        objects += _store(store)
    objects += Component("consul", "hashicorp/consul:1.13", 8500).objects(NAMESPACE, LABEL)
    for cache_name in ("memcached-profile", "memcached-rate", "memcached-reserve"):
        objects += Component(cache_name, "memcached:1.6", 11211, env={"NAME": cache_name}).objects(NAMESPACE, LABEL)
    for name, settings in BINARIES.items():
        objects += _service(name, int(settings["PORT"]))
    objects += custom_service(NAMESPACE)
    objects += load(NAMESPACE, "frontend:5000", "3")
    return (*objects, *_ingress())


def _service(name: str, port: int) -> list[Object]:
    component = Component(
        name, IMAGE, port, command=(name,), env={"NAME": name}, container=f"hotel-reserv-{name}", probe=False
    )
    return component.objects(NAMESPACE, LABEL)


def _store(name: str) -> list[Object]:
    """A MongoDB with its volume, its claim and the script that creates its users."""
    script = f"mongo-{name}-script"
    text = f'mongo {name}-db --eval \'db.createUser({{user: "admin", roles: ["readWrite"]}})\'\n'
    component = Component(
        f"mongodb-{name}",
        "mongo:4.4.6",
        27017,
        env={"NAME": f"mongodb-{name}"},
        container=f"hotel-reserv-{name}-mongo",
        memory="256Mi",
        volumes=(
            {"name": name, "persistentVolumeClaim": {"claimName": f"{name}-pvc"}},
            {"name": "script", "configMap": {"name": script}},
        ),
        mounts=(
            {"name": name, "mountPath": "/data/db"},
            {"name": "script", "mountPath": "/docker-entrypoint-initdb.d"},
        ),
    )
    return [
        _volume(name),
        _claim(name),
        configmap(NAMESPACE, script, {f"k8s-{name}-mongo.sh": text}),
        *component.objects(NAMESPACE, LABEL),
    ]


def _volume(name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{name}-pv"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": f"{name}-storage",
            "hostPath": {"path": f"/data/volumes/{name}-pv"},
        },
    }


def _claim(name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": f"{name}-pvc", "namespace": NAMESPACE},
        "spec": {
            "storageClassName": f"{name}-storage",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def _alias(name: str, port: int) -> Object:
    """The Service under which the Ingress knows a component."""
    metadata = {"name": f"{name}-service", "namespace": NAMESPACE}
    ports = [{"name": "http", "port": port, "targetPort": port}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {LABEL: name}, "ports": ports},
    }


def _ingress() -> list[Object]:
    backend = {"service": {"name": "frontend-service", "port": {"number": 5000}}}
    controller = Component("ingress-nginx-controller", "registry.k8s.io/ingress-nginx/controller:v1.10.0", 80)
    client = Component(
        "load-ingress",
        "localhost:5000/service:1.0",
        8099,
        env={
            "NAME": "load-ingress",
            "PORT": "8099",
            "LOAD": "ingress-nginx-controller.ingress-nginx:80",
            "LOAD_PATH": "/api/hotels",
            "RPS": "1",
            "LOAD_DELAY": "10",
        },
    )
    return [
        _alias("frontend", 5000),
        _alias("recommendation", 8085),
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "hotel-reservation-ingress", "namespace": NAMESPACE},
            "spec": {
                "ingressClassName": "nginx",
                "rules": [{"http": {"paths": [{"path": "/api", "pathType": "Prefix", "backend": backend}]}}],
            },
        },
        namespace("ingress-nginx"),
        *controller.objects("ingress-nginx"),
        *client.objects(NAMESPACE),
    ]
