"""create service and expose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stratus.cluster.kubectl.creating import creation
from stratus.cluster.kubectl.edits import pod_template
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.overrides import overridden
from stratus.cluster.kubectl.selectors import equalities
from stratus.cluster.kubectl.targets import live_objects
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import Step

_TYPES = {one.lower(): one for one in ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")}


async def cluster_ip(inv: Invocation) -> Sequence[Step]:
    """``kubectl create service clusterip``."""
    address = inv.flags.text("clusterip")
    ports = _tcp_ports(inv, needed=address != "None")
    return _service(inv, {"type": "ClusterIP", **({"clusterIP": address} if address else {}), **ports})


async def node_port(inv: Invocation) -> Sequence[Step]:
    """``kubectl create service nodeport``."""
    spec: JsonObject = {"type": "NodePort", **_tcp_ports(inv)}
    if inv.flags.number("node-port"):
        for port in spec["ports"]:
            port["nodePort"] = inv.flags.number("node-port")
    return _service(inv, spec)


async def load_balancer(inv: Invocation) -> Sequence[Step]:
    """``kubectl create service loadbalancer``."""
    return _service(inv, {"type": "LoadBalancer", **_tcp_ports(inv)})


async def external_name(inv: Invocation) -> Sequence[Step]:
    """``kubectl create service externalname``."""
    name = inv.required("external-name")
    return _service(inv, {"type": "ExternalName", "externalName": name, **_tcp_ports(inv, needed=False)})


def _service(inv: Invocation, spec: JsonObject) -> list[Step]:
    name = inv.one_name()
    labels = {"app": name}
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": inv.meta(name, labels=labels),
        "spec": {**spec, "selector": labels},
    }
    return creation(inv, manifest)


def _tcp_ports(inv: Invocation, *, needed: bool = True) -> JsonObject:
    pairs = inv.flags.words("tcp")
    if not pairs and needed:
        raise InvalidInput("at least one --tcp=PORT[:TARGETPORT] is needed")
    ports = []
    for pair in pairs:
        port, colon, target = pair.partition(":")
        if not port.isdecimal():
            raise InvalidInput(f'--tcp is PORT[:TARGETPORT], not "{pair}"')
        target = target if colon else port
        name = pair.replace(":", "-")
        ports.append({"name": name, "protocol": "TCP", "port": int(port), "targetPort": number_or_name(target)})
    return {"ports": ports} if ports else {}


def number_or_name(text: str) -> int | str:
    """A port as the API takes it."""
    return int(text) if text.isdecimal() else text


async def expose(inv: Invocation) -> Sequence[Step]:
    """``kubectl expose``: a Service in front of a workload, a pod or another Service."""
    return [step for obj in await live_objects(inv, inv.words) for step in _exposing(inv, obj)]


def _exposing(inv: Invocation, obj: JsonObject) -> list[Step]:
    flags, meta = inv.flags, obj["metadata"]
    spec: JsonObject = {"ports": _exposed_ports(inv, obj), "selector": _selector(inv, obj)}
    kind = flags.text("type")
    if kind:
        if kind.lower() not in _TYPES:
            raise InvalidInput(f'--type is one of {", ".join(_TYPES.values())}, not "{kind}"')
        spec["type"] = _TYPES[kind.lower()]
    for flag, field in (("cluster-ip", "clusterIP"), ("load-balancer-ip", "loadBalancerIP")):
        if flags.text(flag):
            spec[field] = flags.text(flag)
    if flags.text("external-ip"):
        spec["externalIPs"] = [flags.text("external-ip")]
    if flags.text("session-affinity"):
        spec["sessionAffinity"] = flags.text("session-affinity")
    labels = equalities(flags.text("labels")) or meta.get("labels")
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**inv.meta(flags.text("name") or meta["name"], labels=labels), "namespace": meta["namespace"]},
        "spec": spec,
    }
    return creation(inv, overridden(inv, manifest))


def _selector(inv: Invocation, obj: JsonObject) -> dict[str, str]:
    if inv.flags.text("selector"):
        return equalities(inv.flags.text("selector"))
    ref, spec = ObjectRef.of(obj), obj.get("spec", {})
    if obj["kind"] in ("Deployment", "ReplicaSet"):
        if spec["selector"].get("matchExpressions"):
            raise InvalidInput(f"{ref} selects by expressions, which a Service cannot: give --selector")
        found = spec["selector"].get("matchLabels")
    elif obj["kind"] in ("Service", "ReplicationController"):
        found = spec.get("selector")
    elif obj["kind"] == "Pod":
        found = obj["metadata"].get("labels")
    else:
        raise InvalidInput(f"{ref} cannot be exposed; this works on pods, services, deployments and replica sets")
    if not found:
        raise InvalidInput(f"{ref} has no labels to select by: give --selector")
    return dict(found)


def _exposed_ports(inv: Invocation, obj: JsonObject) -> list[JsonObject]:
    flags = inv.flags
    known = list(_own_ports(obj))
    if flags.text("port"):
        wanted = [text.strip() for text in flags.text("port").split(",")]
    else:
        wanted = [str(number) for number, _ in known]
    if not wanted:
        raise InvalidInput(f"{ObjectRef.of(obj)} names no port: give --port")
    ports: list[JsonObject] = []
    for place, text in enumerate(wanted, start=1):
        if not text.isdecimal():
            raise InvalidInput(f'--port is a number, not "{text}"')
        number = int(text)
        protocol = flags.text("protocol") or dict(known).get(number) or "TCP"
        target = number_or_name(flags.text("target-port")) if flags.text("target-port") else number
        name = {"name": f"port-{place}"} if len(wanted) > 1 else {}
        ports.append({**name, "protocol": protocol, "port": number, "targetPort": target})
    return ports


def _own_ports(obj: JsonObject) -> Iterator[tuple[int, str]]:
    if obj["kind"] == "Service":
        yield from ((port["port"], port.get("protocol", "TCP")) for port in obj["spec"].get("ports") or ())
        return
    for container in pod_template(obj)["spec"]["containers"]:
        yield from ((port["containerPort"], port.get("protocol", "TCP")) for port in container.get("ports") or ())
