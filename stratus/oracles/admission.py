"""The admission oracle: webhooks that fail closed and whose Service nobody can reach. They refuse writes to everything."""

from __future__ import annotations

from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, StratusError, Unobservable
from stratus.domain.objects import ObjectRef
from stratus.domain.severity import Reading
from stratus.oracles.judge import finding, observed
from stratus.oracles.labels import selects
from stratus.oracles.world import World, explained, labels_of, subject_of
from stratus.ports import ClusterReader

ORACLE = "admission"
KINDS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")


class AdmissionOracle:
    """Judges the webhooks that apply to a namespace in scope."""

    name = ORACLE

    def __init__(self, reader: ClusterReader) -> None:
        self._reader = reader

    async def judge(self, world: World) -> Reading:
        """One look. Raises Unobservable."""
        findings = []
        for configuration in (each for kind in KINDS for each in world.all(kind)):
            hooks = configuration.get("webhooks") or ()
            whys = [why for hook in hooks if _applies(hook, world) and (why := await self._why(hook, world))]
            if whys:
                findings.append(finding(ORACLE, subject_of(configuration), "WebhookUnreachable", "; ".join(whys)))
        return observed(ORACLE, findings)

    async def _why(self, hook: JsonObject, world: World) -> str:
        service = (hook.get("clientConfig") or {}).get("service")
        if not service:
            return ""  # a URL outside the cluster is not ours to ask
        where = f"service/{service['name']} in namespace {service['namespace']}"
        endpoints = await self._endpoints(service["namespace"], service["name"], world)
        if endpoints is None:
            return f"{hook['name']}: {where} has no endpoints or does not exist"
        listed = any(subset.get("addresses") for subset in endpoints.get("subsets") or ())
        return "" if listed else f"{hook['name']}: {where} has no ready endpoint"

    async def _endpoints(self, namespace: str, name: str, world: World) -> JsonObject | None:
        if world.covers(namespace):
            return world.find("Endpoints", namespace, name)
        try:
            return await self._reader.get(ObjectRef(api_version="v1", kind="Endpoints", namespace=namespace, name=name))
        except Absent:
            return None
        except StratusError as error:
            raise Unobservable(explained(error, "get", f"endpoints/{name}", namespace)) from error


def _applies(hook: JsonObject, world: World) -> bool:
    """Whether it fails closed and its namespaceSelector matches a namespace in scope."""
    if hook.get("failurePolicy", "Fail") != "Fail":
        return False
    selector = hook.get("namespaceSelector") or {}
    spaces = [space for space in world.all("Namespace") if world.covers(space["metadata"]["name"])]
    return any(selects(selector, labels_of(space)) for space in spaces)
