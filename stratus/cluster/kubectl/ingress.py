"""create ingress: rules of the form HOST/PATH=SERVICE:PORT."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stratus.cluster.kubectl.creating import creation
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.services import number_or_name
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.steps import Step

_RULE = re.compile(
    r"^(?P<host>[^/=]*)(?P<path>/[^=]*)?=(?P<service>[^:,=]+):(?P<port>[^,]+)(?P<tls>,tls(?:=(?P<secret>.*))?)?$"
)


async def ingress(inv: Invocation) -> Sequence[Step]:
    """``kubectl create ingress``."""
    if not inv.flags.has("rule") and not inv.flags.text("default-backend"):
        raise InvalidInput("kubectl create ingress needs --rule or --default-backend")
    spec: JsonObject = {}
    if inv.flags.text("class"):
        spec["ingressClassName"] = inv.flags.text("class")
    if backend := inv.flags.text("default-backend"):
        service, colon, port = backend.partition(":")
        if not colon:
            raise InvalidInput("--default-backend is SERVICE:PORT")
        spec["defaultBackend"] = _backend(service, port)
    rules, tls = _rules(inv.flags.words("rule"))
    spec |= {**({"tls": tls} if tls else {}), **({"rules": rules} if rules else {})}
    manifest: JsonObject = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": inv.meta(inv.one_name()),
        "spec": spec,
    }
    if inv.flags.has("annotation"):
        manifest["metadata"]["annotations"] = dict(pair.split("=", 1) for pair in inv.flags.words("annotation"))
    return creation(inv, manifest)


def _rules(texts: Sequence[str]) -> tuple[list[JsonObject], list[JsonObject]]:
    rules: dict[str, list[JsonObject]] = {}
    tls: dict[str, JsonObject] = {}
    for text in texts:
        match = _RULE.match(text)
        if match is None:
            raise InvalidInput(f'--rule is HOST/PATH=SERVICE:PORT[,tls[=SECRET]], not "{text}"')
        path = match["path"] or "/"
        kind = "Prefix" if path.endswith("*") else "Exact"
        path = path.removesuffix("*")
        backend = _backend(match["service"], match["port"])
        rules.setdefault(match["host"], []).append({"path": path, "pathType": kind, "backend": backend})
        if match["tls"]:
            entry = tls.setdefault(match["secret"] or "", {"hosts": []})
            entry["hosts"] += [match["host"]] if match["host"] and match["host"] not in entry["hosts"] else []
            entry |= {"secretName": match["secret"]} if match["secret"] else {}
    found = [{**({"host": host} if host else {}), "http": {"paths": paths}} for host, paths in rules.items()]
    return found, list(tls.values())


def _backend(service: str, port: str) -> JsonObject:
    number = number_or_name(port)
    return {"service": {"name": service, "port": {"number" if isinstance(number, int) else "name": number}}}
