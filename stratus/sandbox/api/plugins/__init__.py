"""Admission plug-ins: what the API server itself adds to objects or refuses."""

from __future__ import annotations

from stratus.sandbox.api.core import Api
from stratus.sandbox.api.plugins.addresses import Addresses
from stratus.sandbox.api.plugins.lifecycle import NamespaceLifecycle
from stratus.sandbox.api.plugins.limits import LimitRanger
from stratus.sandbox.api.plugins.pods import PodDefaults
from stratus.sandbox.api.plugins.quota import ResourceQuotas
from stratus.sandbox.api.plugins.storage import DefaultStorageClass
from stratus.sandbox.api.plugins.webhooks import Transport, Webhooks


def install(api: Api, *, service_network: str = "10.96.0.0/16", transport: Transport | None = None) -> Addresses:
    """Install the default chain in the API server's order; webhooks come after the built-in mutators, quota last."""
    addresses = Addresses(api, service_network)
    lifecycle, quotas = NamespaceLifecycle(api), ResourceQuotas(api)
    limits, webhooks = LimitRanger(api), Webhooks(api, transport)
    pods = PodDefaults(api)
    api.admission.mutating += [
        lifecycle, limits.mutate, pods, DefaultStorageClass(api), webhooks.mutate,
    ]  # fmt: skip
    api.admission.allocating.append(addresses)
    api.admission.validating += [lifecycle.validate, limits.validate, webhooks.validate, quotas]
    return addresses


__all__ = ["Addresses", "Transport", "install"]
