"""The benchmarks' online shop (the OpenTelemetry demo): services that find each other by *_ADDR variables, and flagd."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from stratus.sandbox.apps.base import MIB
from stratus.sandbox.apps.builder import Component, configmap, load, namespace, secret
from stratus.sandbox.apps.profile import Flag, Profile

Object = dict[str, Any]
NAMESPACE = "astronomy-shop"
REPOSITORY = "ghcr.io/open-telemetry/demo"
TAG = "2.0.2"
FLAGD = {"FLAGD_HOST": "flagd", "FLAGD_PORT": "8013"}
FLAGS: dict[str, dict[str, Any]] = {
    "adFailure": {"on": True, "off": False},
    "adHighCpu": {"on": True, "off": False},
    "adManualGc": {"on": True, "off": False},
    "cartFailure": {"on": True, "off": False},
    "imageSlowLoad": {"10sec": 10000, "5sec": 5000, "off": 0},
    "kafkaQueueProblems": {"on": 100, "off": 0},
    "loadGeneratorFloodHomepage": {"on": 100, "off": 0},
    "paymentFailure": {"100%": 1, "90%": 0.95, "75%": 0.75, "50%": 0.5, "25%": 0.25, "10%": 0.1, "off": 0},
    "paymentUnreachable": {"on": True, "off": False},
    "productCatalogFailure": {"on": True, "off": False},
    "recommendationCacheFailure": {"on": True, "off": False},
}

# service → (the variables of its dependencies, its image's flags)
SERVICES: dict[str, tuple[dict[str, str], tuple[Flag, ...]]] = {
    "ad": ({}, (Flag("adFailure", "fail", 10), Flag("adHighCpu", "cpu", 120), Flag("adManualGc", "slow", 1.2))),
    "cart": ({"VALKEY_ADDR": "valkey-cart:6379"}, (Flag("cartFailure", "fail", 30),)),
    "checkout": (
        {
            "CART_ADDR": "cart:8080", "CURRENCY_ADDR": "currency:8080", "EMAIL_ADDR": "email:8080",
            "PAYMENT_ADDR": "payment:8080", "PRODUCT_CATALOG_ADDR": "product-catalog:8080",
            "SHIPPING_ADDR": "shipping:8080", "KAFKA_ADDR": "kafka:9092",
        },
        (
            Flag("kafkaQueueProblems", "records", 100), Flag("kafkaQueueProblems", "slow", 0.6),
            Flag("paymentUnreachable", "unreachable", 1, "payment"),
        ),
    ),
    "currency": ({}, ()),
    "email": ({}, ()),
    "frontend": (
        {
            "CART_ADDR": "cart:8080", "CHECKOUT_ADDR": "checkout:8080", "CURRENCY_ADDR": "currency:8080",
            "PRODUCT_CATALOG_ADDR": "product-catalog:8080", "SHIPPING_ADDR": "shipping:8080",
        },
        (),
    ),
    "image-provider": ({}, (Flag("imageSlowLoad", "slow", 10),)),
    "payment": ({}, (Flag("paymentFailure", "fail", 100),)),
    "product-catalog": ({"POSTGRES_ADDR": "postgresql:5432"}, (Flag("productCatalogFailure", "fail", 10),)),
    "quote": ({}, ()),
    "recommendation": ({"PRODUCT_CATALOG_ADDR": "product-catalog:8080"}, (Flag("recommendationCacheFailure", "leak", 0.4),)),
    "shipping": ({"QUOTE_ADDR": "quote:8080"}, ()),
}  # fmt: skip
OPTIONAL = {"frontend": "ad:8080,recommendation:8080"}
CPU_LIMITS = {"ad": "300m", "frontend": "500m"}


def image(service: str) -> str:
    """A service's image; the product catalogue keeps its older tag, which a benchmark fault names."""
    return f"{REPOSITORY}:{TAG}-{'productcatalogservice' if service == 'product-catalog' else service}"


def _profile(service: str) -> Profile:
    addresses, flags = SERVICES[service]
    cpu = 0.006 if service == "frontend" else 0.004
    return Profile("shop", size=120 * MIB, memory_bytes=40 * MIB, cpu_seconds=cpu, dials=tuple(addresses), flags=flags)


PROFILES: dict[str, Profile] = {
    **{image(service): _profile(service) for service in SERVICES},
    image("frontend-proxy"): Profile("shop", memory_bytes=30 * MIB, cpu_seconds=0.001, dials=("FRONTEND_ADDR",)),
    image("accounting"): Profile("consumer", memory_bytes=50 * MIB),
    image("fraud-detection"): Profile("consumer", memory_bytes=50 * MIB),
    image("kafka"): Profile("kafka", settings={"PORT": "9092"}, memory_bytes=120 * MIB, start_seconds=2.0),
    image("load-generator"): Profile(flags=(Flag("loadGeneratorFloodHomepage", "flood", 60),)),
    "postgres:17": Profile(settings={"PORT": "5432"}, memory_bytes=40 * MIB),
    "valkey/valkey:8": Profile(settings={"PORT": "6379"}, memory_bytes=8 * MIB, seconds=0.0005, cpu_seconds=0.0002),
    "ghcr.io/open-feature/flagd:v0.12": Profile("flagd", memory_bytes=20 * MIB),
}


def flagd_config() -> str:
    """The flag file with every flag off."""
    flags = {
        name: {"description": name, "state": "ENABLED", "variants": variants, "defaultVariant": "off"}
        for name, variants in FLAGS.items()
    }
    return json.dumps({"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": flags}, indent=2)


@cache
def manifests() -> tuple[Object, ...]:
    """All objects, in the order in which to create them."""
    objects: list[Object] = [
        namespace(NAMESPACE),
        configmap(NAMESPACE, "flagd-config", {"demo.flagd.json": flagd_config()}),
        secret(NAMESPACE, "product-catalog-db-conn", {"password": "otelp"}),
    ]
    for component in (*_stores(), *map(_service, SERVICES), *_edges()):
        objects += component.objects(NAMESPACE)
    generator = load(NAMESPACE, "frontend-proxy:8080", "3", TIMEOUT="15", USERS="40", **FLAGD)
    generator[0]["spec"]["template"]["spec"]["containers"][0]["image"] = image("load-generator")
    return (*objects, *generator)


def _service(name: str) -> Component:
    env = {"NAME": name, "PORT": "8080", "TIMEOUT": "5", **SERVICES[name][0], **FLAGD}
    if name in OPTIONAL:
        env["OPTIONAL_CALLS"] = OPTIONAL[name]
    password = {"SEND_TOKEN": ("product-catalog-db-conn", "password")} if name == "product-catalog" else {}
    return Component(
        name, image(name), 8080, env=env, secret_env=password, memory="300Mi", cpu_limit=CPU_LIMITS.get(name, "")
    )


def _stores() -> list[Component]:
    folder = "/etc/postgresql/credentials"
    return [
        Component("valkey-cart", "valkey/valkey:8", 6379, env={"NAME": "valkey-cart"}),
        Component(
            "postgresql",
            "postgres:17",
            5432,
            env={"NAME": "postgresql", "TOKEN_FILE": f"{folder}/password"},
            volumes=({"name": "credentials", "secret": {"secretName": "product-catalog-db-conn"}},),
            mounts=({"name": "credentials", "mountPath": folder},),
        ),
        Component("kafka", image("kafka"), 9092, env={"NAME": "kafka"}, memory="600Mi"),
        Component(
            "flagd",
            "ghcr.io/open-feature/flagd:v0.12",
            8013,
            env={"PORT": "8013"},
            volumes=({"name": "config", "configMap": {"name": "flagd-config"}},),
            mounts=({"name": "config", "mountPath": "/etc/flagd"},),
        ),
    ]


def _edges() -> list[Component]:
    proxy = {"NAME": "frontend-proxy", "PORT": "8080", "TIMEOUT": "14", "FRONTEND_ADDR": "frontend:8080"}
    consumers = [
        Component(name, image(name), 8080, env={"NAME": name, "PORT": "8080", "KAFKA_ADDR": "kafka:9092"})
        for name in ("accounting", "fraud-detection")
    ]
    env = {**proxy, "OPTIONAL_CALLS": "image-provider:8080"}
    return [Component("frontend-proxy", image("frontend-proxy"), 8080, env=env), *consumers]
