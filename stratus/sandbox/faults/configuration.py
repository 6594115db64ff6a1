"""Faults of configuration: ConfigMaps, Secrets, variables, volumes and feature flags."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.sandbox.apps.applications import application
from stratus.sandbox.apps.hotel_reservation import STORES
from stratus.sandbox.apps.social_network import CERTIFICATES
from stratus.sandbox.faults.fault import Fault
from stratus.sandbox.faults.operations import (
    Create,
    Delete,
    DeletePods,
    EachVolume,
    EditText,
    Merge,
    Operation,
    Restart,
    Undo,
)
from stratus.sandbox.faults.steps import add, deployment, env, flag, gone, recreate, replaced, without_env

SOCIAL, HOTEL, SHOP = "social-network", "hotel-reservation", "astronomy-shop"
ERRORS = "alert:RequestErrorRate"
CLAIM = "/spec/template/spec/volumes/0/persistentVolumeClaim/claimName"
TLS = f"    mode: requireTLS\n    certificateKeyFile: {CERTIFICATES}/tls.pem\n    CAFile: {CERTIFICATES}/ca.crt\n"


def tls_required(id_: str) -> Fault:
    """MongoDB accepts TLS only, its client speaks plain text."""
    store, client = "url-shorten-mongodb", "url-shorten-service"

    def require(text: str) -> str:
        return text.replace("    mode: disabled\n", TLS)

    def disable(text: str) -> str:
        return text.replace(TLS, "    mode: disabled\n")

    restart = (Restart(SOCIAL, store), DeletePods(SOCIAL, client))
    return Fault(
        id_,
        SOCIAL,
        SOCIAL,
        "url-shorten-mongodb requires TLS, url-shorten-service speaks plain text",
        [EditText(SOCIAL, store, "mongod.conf", require, "net.tls.mode: requireTLS"), *restart],
        [
            EditText(SOCIAL, store, "mongod.conf", disable, "net.tls.mode: disabled"),
            Restart(SOCIAL, store),
            Restart(SOCIAL, client),
        ],
        shows=[ERRORS, f"log:{client}:Remote end closed connection", f"log:{store}:SSLHandshakeFailed"],
        wrong=[Restart(SOCIAL, store), Restart(SOCIAL, client)],
    )


def missing_configmap(app: str, configmap: str, name: str) -> Fault:
    """A mounted ConfigMap is gone, and the pod that needs it starts anew."""
    return Fault(
        f"sregym/missing_configmap_{app.replace('-', '_')}",
        app,
        app,
        f"ConfigMap {configmap} is deleted and {name} scaled 0 → 1",
        replaced(app, name, Delete("configmaps", app, configmap)),
        [recreate(app, "ConfigMap", configmap)],
        shows=[ERRORS, "event:not found", f"down:{name}"],
        wrong=[DeletePods(app, name), Restart(app, name)],
    )


def feature_flag(id_: str, name: str, variant: str, service: str, summary: str, *shows: str) -> Fault:
    """A feature flag of the shop switches a defect on."""
    return Fault(
        f"aiopslab/{id_}",
        SHOP,
        SHOP,
        summary,
        flag(name, variant),
        flag(name, "off"),
        shows=shows,
        wrong=[Restart(SHOP, service), Restart(SHOP, "flagd")],
    )


def _redeployed() -> Sequence[Operation]:
    manifests = [o for o in application(HOTEL) if o["kind"] != "PersistentVolume"]
    return [
        Delete("namespaces", "", HOTEL),
        gone("namespaces", "", HOTEL),
        *(Create(obj) for obj in manifests),
    ]


DETECTION = "-detection/localization"
ERROR_RATE, LATENCY = "alert:ServiceErrorRate", "alert:ServiceLatencyHigh"

CONFIGURATION_FAULTS: Sequence[Fault] = (
    tls_required("aiopslab/auth_miss_mongodb-mitigation-1"),
    tls_required("sregym/auth_miss_mongodb"),
    Fault(
        "aiopslab/redeploy_without_PV-mitigation-1",
        HOTEL,
        HOTEL,
        "the namespace is deleted and the application deployed again, while its volumes still belong to the old claims",
        _redeployed(),
        [EachVolume()],
        shows=[ERRORS, "event:unbound immediate PersistentVolumeClaims", "down:mongodb-geo"],
        wrong=[DeletePods(HOTEL), Restart(HOTEL, "mongodb-geo")],
    ),
    Fault(
        "sregym/pvc_claim_mismatch",
        HOTEL,
        HOTEL,
        "six MongoDB Deployments name claims that do not exist",
        [
            step
            for store in STORES
            for step in replaced(
                HOTEL, f"mongodb-{store}", deployment(HOTEL, f"mongodb-{store}", add(CLAIM, f"{store}-pvc-broken"))
            )
        ],
        [deployment(HOTEL, f"mongodb-{store}", add(CLAIM, f"{store}-pvc")) for store in STORES],
        shows=[ERRORS, "event:not found", *(f"down:mongodb-{store}" for store in STORES)],
        wrong=[DeletePods(HOTEL), Restart(HOTEL, "mongodb-rate")],
        alternatives=[[Undo(HOTEL, f"mongodb-{store}") for store in STORES]],
    ),
    Fault(
        "sregym/missing_env_variable_astronomy_shop",
        SHOP,
        SHOP,
        "frontend loses CART_ADDR",
        [without_env(SHOP, "frontend", "frontend", "CART_ADDR")],
        [env(SHOP, "frontend", "frontend", CART_ADDR="cart:8080")],
        shows=[ERRORS, "log:frontend:no host given"],
        wrong=[DeletePods(SHOP, "frontend"), Restart(SHOP, "cart")],
        alternatives=[[Undo(SHOP, "frontend")]],
    ),
    missing_configmap(HOTEL, "mongo-geo-script", "mongodb-geo"),
    missing_configmap(SOCIAL, "media-mongodb", "media-mongodb"),
    Fault(
        "sregym/secret_rotation_stale_env_credentials_astronomy_shop",
        SHOP,
        SHOP,
        "the database password is rotated; product-catalog keeps the old one in its environment",
        [Merge("secrets", SHOP, "product-catalog-db-conn", {"stringData": {"password": "rotated-secret"}})],
        [Restart(SHOP, "product-catalog")],
        shows=[ERRORS, "log:postgresql:authentication failed"],
        wrong=[Restart(SHOP, "postgresql"), Restart(SHOP, "checkout")],
        alternatives=[[DeletePods(SHOP, "product-catalog")]],
    ),
    feature_flag(
        "astronomy_shop_kafka_queue_problems-mitigation-1",
        "kafkaQueueProblems",
        "on",
        "kafka",
        "checkout floods the queue, consumers fall behind",
        "alert:KafkaConsumerLag",
    ),
    feature_flag(
        f"astronomy_shop_adFailure{DETECTION}",
        "adFailure",
        "on",
        "ad",
        "ad fails a share of its calls",
        ERROR_RATE,
        "log:ad:adFailure",
    ),
    feature_flag(
        f"astronomy_shop_adHighCpu{DETECTION}",
        "adHighCpu",
        "on",
        "ad",
        "ad saturates its CPU limit",
        LATENCY,
        "alert:CPUThrottlingHigh",
    ),
    feature_flag(
        f"astronomy_shop_adManualGc{DETECTION}", "adManualGc", "on", "ad", "ad pauses for garbage collections", LATENCY
    ),
    feature_flag(
        f"astronomy_shop_cartFailure{DETECTION}",
        "cartFailure",
        "on",
        "cart",
        "cart fails a share of its calls",
        ERRORS,
        ERROR_RATE,
    ),
    feature_flag(
        f"astronomy_shop_imageSlowLoad{DETECTION}",
        "imageSlowLoad",
        "10sec",
        "image-provider",
        "product images take 10 s",
        LATENCY,
    ),
    feature_flag(
        f"astronomy_shop_loadGeneratorFloodHomepage{DETECTION}",
        "loadGeneratorFloodHomepage",
        "on",
        "frontend",
        "the load generator floods the shop",
        LATENCY,
    ),
    feature_flag(
        f"astronomy_shop_paymentFailure{DETECTION}",
        "paymentFailure",
        "100%",
        "payment",
        "payment refuses every charge",
        ERRORS,
        ERROR_RATE,
    ),
    feature_flag(
        f"astronomy_shop_paymentUnreachable{DETECTION}",
        "paymentUnreachable",
        "on",
        "payment",
        "checkout uses a bad payment address",
        ERRORS,
        "log:checkout:badAddress",
    ),
    feature_flag(
        f"astronomy_shop_productCatalogFailure{DETECTION}",
        "productCatalogFailure",
        "on",
        "product-catalog",
        "product-catalog fails for one product",
        ERROR_RATE,
    ),
    feature_flag(
        f"astronomy_shop_recommendationCacheFailure{DETECTION}",
        "recommendationCacheFailure",
        "on",
        "cart",
        "recommendation's memory grows",
        "alert:ContainerMemoryGrowing",
    ),
)
