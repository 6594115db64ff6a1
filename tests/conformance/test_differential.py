"""Random operations sent to both clusters: answers, stored objects and watch events have to agree.

STRATUS_FUZZ_STEPS and STRATUS_FUZZ_SEED make a run longer or another one; a failure prints the operations that led to it.
"""

from __future__ import annotations

import copy
import os
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.clients import JSON_PATCH, MERGE, STRATEGIC, Answer, Client

STEPS = int(os.environ.get("STRATUS_FUZZ_STEPS", "120"))
SEED = int(os.environ.get("STRATUS_FUZZ_SEED", "1"))
WATCHED = 100
"""Steps after which the watch events are compared: a real server keeps as many of a resource that changes little."""
RESOURCES = ("configmaps", "secrets", "services", "podtemplates", "roles", "networkpolicies")
NAMES = ("t-a", "t-b", "t-c")
MANAGERS = ("one", "two")
MASKED = frozenset({"uid", "resourceVersion", "creationTimestamp", "time", "selfLink", "deletionTimestamp"})
ADDRESSES = frozenset({"clusterIP", "clusterIPs", "nodePort"})

Operation = tuple[str, str, Callable[[Client, dict[str, Any]], Answer]]


def masked(value: Any) -> Any:
    """Without what differs between any two clusters."""
    if isinstance(value, dict):
        return {
            key: ("masked" if key in MASKED or (key in ADDRESSES and each not in ("None", ["None"])) else masked(each))
            for key, each in value.items()
            if key != "namespace"
        }
    if isinstance(value, list):
        found = [masked(each) for each in value]
        if value and isinstance(value[0], dict) and "fieldsV1" in value[0]:
            return owners(found)
        return found
    return value


def owners(entries: list[Any]) -> list[Any]:
    """managedFields by manager, since their order follows the masked times.

    A 1.20 takes a map that a manager created, and whose keys others took since, for a formerly atomic field, and gives
    all its keys back to that manager; newer versions do not. So of updates only the managers are compared.
    """
    found = [each if each["operation"] == "Apply" else {**each, "fieldsV1": "masked"} for each in entries]
    return sorted(found, key=lambda each: (each["operation"], each["manager"]))


def outcome(answer: Answer) -> Any:
    """What both clusters have to agree on: the code, and the object or the error's reason and causes."""
    if answer.code >= 400:
        return answer.code, answer.reason, conflicts(answer) if answer.reason == "Conflict" else causes(answer)
    if answer.body.get("kind") == "Status":
        return answer.code, answer.body.get("status"), None
    return answer.code, "", masked(answer.body)


def causes(answer: Answer) -> set[tuple[str, str]]:
    """The causes; a Service that was made anew has another address than before, or by chance the same."""
    found = answer.causes
    if ("metadata.uid", "FieldValueInvalid") in found:
        found = {each for each in found if not each[0].startswith("spec.clusterIP")}
    return found


def conflicts(answer: Answer) -> list[str]:
    """The fields of a conflict. Of several variables of a container, a 1.20 names the last one as often as there are any."""
    causes = (answer.body.get("details") or {}).get("causes") or ()
    return sorted(re.sub(r'(\.env\[name=)"[A-Z]"', r"\1", each.get("field", "")) for each in causes)


class Generator:
    """Draws operations; each is a function of the client and of what that client has seen before."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.applies = seed % 2 == 1  # not mixed with updates, after which versions differ (see `owners`)

    def operation(self) -> Operation:
        resource = self.random.choice(RESOURCES)
        name = self.random.choice(NAMES)
        updates = (
            self.create,
            self.create,
            self.put_fresh,
            self.put_stale,
            self.merge,
            self.merge,
            self.strategic,
            self.json,
        )
        writes = [self.apply] * 8 if self.applies else [*updates]
        draw = self.random.choice([*writes, self.delete, self.get])
        operation: Operation = draw(resource, name)
        return operation

    def metadata(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {"name": name}
        if self.random.random() < 0.5:
            values = ("1", "2", "", "Not Valid!") if self.random.random() < 0.2 else ("1", "2")
            found["labels"] = {self.random.choice("xyz"): self.random.choice(values)}
        if self.random.random() < 0.3:
            found["annotations"] = {"note": self.random.choice(("a", "b"))}
        return found

    def body(self, resource: str) -> dict[str, Any]:
        choose = self.random.choice
        if resource == "configmaps":
            return {"data": {choose("klm"): choose(("1", "2", "")) for _ in range(2)}}
        if resource == "secrets":
            return {"stringData": {choose("klm"): choose("12")}, "type": choose(("Opaque", "Opaque", "x/y"))}
        if resource == "services":
            ports = [
                {"name": each, "port": choose((80, 81, 0)), "protocol": "TCP"} for each in self.random.sample("pq", 2)
            ]
            return {"spec": {"ports": ports[: choose((1, 2))], "type": choose(("ClusterIP", "NodePort"))}}
        if resource == "roles":
            verbs = self.random.sample(("get", "list", "watch"), 2)
            return {
                "rules": [{"apiGroups": [""], "resources": choose((["pods"], ["pods", "services"])), "verbs": verbs}]
            }
        if resource == "networkpolicies":
            return {
                "spec": {
                    "podSelector": {"matchLabels": {"a": choose("12")}},
                    "ingress": [{"ports": [{"port": choose((80, 81))}]}],
                }
            }
        return {"template": {"metadata": {"labels": {"a": "b"}}, "spec": self.pod_spec()}}

    def container(self, name: str) -> dict[str, Any]:
        choose = self.random.choice
        found: dict[str, Any] = {"name": name, "image": choose(("x", "x:1", "x:2"))}
        if self.random.random() < 0.6:
            found["env"] = [
                {"name": each, "value": choose(("1", "2"))} for each in self.random.sample("ABC", choose((1, 2)))
            ]
        if self.random.random() < 0.4:
            found["ports"] = [{"containerPort": choose((80, 81))}]
        if self.random.random() < 0.4:
            found["resources"] = {"limits": {"memory": choose(("64Mi", "128Mi"))}}
        return found

    def pod_spec(self) -> dict[str, Any]:
        names = self.random.sample(("c", "d"), self.random.choice((1, 2)))
        spec: dict[str, Any] = {"containers": [self.container(each) for each in names]}
        if self.random.random() < 0.3:
            spec["volumes"] = [{"name": "v", "configMap": {"name": self.random.choice("mn")}}]
        return spec

    def object(self, resource: str, name: str) -> dict[str, Any]:
        return {"metadata": self.metadata(name), **self.body(resource)}

    def create(self, resource: str, name: str) -> Operation:
        obj = self.object(resource, name)
        return "create", f"{resource} {obj}", lambda client, seen: client.create(resource, obj, fieldManager="maker")

    def get(self, resource: str, name: str) -> Operation:
        return "get", f"{resource} {name}", lambda client, seen: client.get(resource, name)

    def put_fresh(self, resource: str, name: str) -> Operation:
        obj = self.object(resource, name)

        def run(client: Client, seen: dict[str, Any]) -> Answer:
            live = client.get(resource, name).body
            new = copy.deepcopy(obj)
            if "metadata" in live and "uid" in live["metadata"]:
                new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
                for field in ("clusterIP", "clusterIPs"):
                    if field in live.get("spec", {}):
                        new["spec"][field] = live["spec"][field]
            return client.put(resource, new, fieldManager="putter")

        return "put", f"{resource} {obj}", run

    def put_stale(self, resource: str, name: str) -> Operation:
        """Put back what was seen when the object was first touched: often an old version."""

        def run(client: Client, seen: dict[str, Any]) -> Answer:
            known = seen.get(f"{resource}/{name}")
            return client.put(resource, known, fieldManager="putter") if known else client.get(resource, name)

        return "put-stale", f"{resource} {name}", run

    def merge(self, resource: str, name: str) -> Operation:
        patch = self.object(resource, name)
        if self.random.random() < 0.4:
            patch = {"metadata": {"labels": {self.random.choice("xyz"): self.random.choice((None, "3"))}}}
        return (
            "merge",
            f"{resource} {name} {patch}",
            lambda client, seen: client.patch(resource, name, patch, MERGE, fieldManager="patcher"),
        )

    def strategic(self, resource: str, name: str) -> Operation:
        patch = self.body(resource)
        if resource == "podtemplates":
            container = self.container(self.random.choice("cd"))
            if self.random.random() < 0.3:
                container = {"name": container["name"], "$patch": "delete"}
            patch = {"template": {"spec": {"containers": [container]}}}
        return (
            "strategic",
            f"{resource} {name} {patch}",
            lambda client, seen: client.patch(resource, name, patch, STRATEGIC, fieldManager="patcher"),
        )

    def json(self, resource: str, name: str) -> Operation:
        path = self.random.choice(("/metadata/labels", "/metadata/labels/x", "/data/k", "/metadata/annotations"))
        value: Any = {"y": "4"} if path.endswith(("labels", "annotations")) else "4"
        step = self.random.choice(
            ({"op": "add", "path": path, "value": value}, {"op": "remove", "path": path},
             {"op": "replace", "path": path, "value": value}, {"op": "test", "path": path, "value": value})
        )  # fmt: skip
        return (
            "json",
            f"{resource} {name} {step}",
            lambda client, seen: client.patch(resource, name, [step], JSON_PATCH, fieldManager="patcher"),
        )

    def apply(self, resource: str, name: str) -> Operation:
        obj, manager = self.object(resource, name), self.random.choice(MANAGERS)
        obj.pop("stringData", None)
        kinds = {
            "configmaps": "ConfigMap", "secrets": "Secret", "services": "Service", "podtemplates": "PodTemplate",
            "roles": "Role", "networkpolicies": "NetworkPolicy",
        }  # fmt: skip
        typed = {"kind": kinds[resource], **obj}
        force = {"force": "true"} if self.random.random() < 0.5 else {}
        return (
            f"apply {force}",
            f"{manager} {typed}",
            lambda client, seen: client.apply(resource, typed, manager, **force),
        )

    def delete(self, resource: str, name: str) -> Operation:
        return "delete", f"{resource} {name}", lambda client, seen: client.delete(resource, name)


def remember(seen: dict[str, Any], client: Client, answer: Answer) -> None:
    """Keep the first state of each object for later stale writes."""
    body = answer.body
    if answer.code in (200, 201) and isinstance(body.get("metadata"), dict) and body["metadata"].get("uid"):
        resource = body["kind"].lower() + ("s" if not body["kind"].endswith("y") else "")
        resource = {"networkpolicy": "networkpolicies"}.get(resource, resource)
        seen.setdefault(f"{resource}/{body['metadata']['name']}", copy.deepcopy(body))


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """The leaves that differ, for the failure message."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted({*ours, *theirs})
        return [line for key in keys for line in differences(ours.get(key), theirs.get(key), f"{path}.{key}")]
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple) and len(ours) == len(theirs):
        return [
            line for i, pair in enumerate(zip(ours, theirs, strict=True)) for line in differences(*pair, f"{path}[{i}]")
        ]
    return [] if ours == theirs else [f"{path}: embedded {ours!r}, real {theirs!r}"]


class Seen:
    """Where watches begin: a version, and what the objects looked like at it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._version = client.list("configmaps")["metadata"]["resourceVersion"]
        self._shown = {resource: self._list(resource) for resource in RESOURCES}

    def _list(self, resource: str) -> dict[str, Any]:
        listed = self._client.list(resource)
        kind = {"kind": listed["kind"].removesuffix("List"), "apiVersion": listed["apiVersion"]}
        return {each["metadata"]["name"]: masked({**kind, **each}) for each in listed["items"]}

    def events(self, resource: str) -> list[Any]:
        """The watch events since then, less those after which the object looks as before (see `owners`)."""
        last, kept = dict(self._shown[resource]), []
        for each in self._client.watch(self._client.path(resource), f"resourceVersion={self._version}"):
            name, shown = each["object"]["metadata"].get("name", ""), masked(each["object"])
            if name.startswith("t-") and (each["type"] != "MODIFIED" or last.get(name) != shown):
                kept.append((each["type"], shown))
            last[name] = shown
        return kept


@pytest.mark.realcluster
@pytest.mark.parametrize("seed", range(SEED, SEED + 3))
def test_both_clusters_agree_on_random_operations(both: tuple[Client, Client], seed: int) -> None:
    generator = Generator(seed)
    seen: dict[str, dict[str, Any]] = {client.name: {} for client in both}
    start: list[Seen] = []
    history: list[str] = []
    for step in range(STEPS):
        if step % WATCHED == 0:
            compare_events(both, start)
        verb, text, run = generator.operation()
        history.append(f"{verb} {text}")
        answers = [run(client, seen[client.name]) for client in both]
        for client, answer in zip(both, answers, strict=True):
            remember(seen[client.name], client, answer)
        ours, theirs = map(outcome, answers)
        assert ours == theirs, "\n".join([*history[-12:], *differences(ours, theirs)])
    compare_events(both, start)


def compare_events(both: tuple[Client, Client], start: list[Seen]) -> None:
    """What watchers saw since ``start``, which then is now."""
    for resource in RESOURCES if start else ():
        ours, theirs = (each.events(resource) for each in start)
        assert ours == theirs, "\n".join([resource, *differences(ours, theirs)])
    start[:] = map(Seen, both)
