"""Where the value of a missing or wrong setting can be known from: earlier states, siblings, names of Services."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

from agents.evidence import Change, Workload
from agents.evidence.paths import At
from agents.evidence.topology import environment
from agents.minds.base import Candidate, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case, container_path, nearest
from stratus.domain.base import JsonObject

_ADDRESS = re.compile(
    r"^(?P<service>[A-Z0-9_]+?)_(?:SERVICE_)?(?P<what>ADDR|ADDRESS|URL|URI|ENDPOINT|HOST|HOSTPORT|SERVER)$"
)


def about(variable: str) -> Callable[[Change], bool]:
    """A filter for changes of one environment variable."""

    def wanted(change: Change) -> bool:
        named = any(isinstance(part, At) and part.value == variable for part in change.path)
        return change.under("env", "envFrom") and (named or f"'{variable}'" in f"{change.before}{change.after}")

    return wanted


def candidates(case: Case, workload: Workload, container: JsonObject, variable: str, reason: str) -> list[Candidate]:
    """Ways to give a container a variable that it misses, the surest first."""

    def command(changes: list[Change]) -> str:
        before = changes[0].before
        if len(changes) == 1 and isinstance(before, dict) and set(before) == {"name", "value"}:
            return fixes.set_env_command(workload, str(container["name"]), variable, str(before["value"]))
        return ""

    found = case.restorations(workload.obj, about(variable), reason, command=command)
    for index, (entry, why) in enumerate(_derived(case, workload, variable)):
        if not _has(container, entry):
            found.append(_set(workload, container, entry, reason, why, worth=1.0 - 0.08 * index))
    return found


def _has(container: JsonObject, entry: JsonObject) -> bool:
    return entry in (container.get("env") or [])


def _set(
    workload: Workload, container: JsonObject, entry: JsonObject, reason: str, why: str, worth: float
) -> Candidate:
    path = container_path(workload, container, "env", At("name", entry["name"]))
    step = fixes.set_field(workload.obj, path, entry)
    assert step is not None, "an entry that the container has not is a change"
    text = ""
    if "value" in entry:
        text = fixes.set_env_command(workload, str(container["name"]), entry["name"], str(entry["value"]))
    return fixes.candidate(Origin.DERIVE, [step], reason, [why], worth=worth, command=text)


def _derived(case: Case, workload: Workload, variable: str) -> Iterator[tuple[JsonObject, str]]:
    """Entries for a variable: a sibling's own, a Service's address by convention, a Secret's or ConfigMap's key."""
    for other in case.siblings(workload):
        for container in other.containers:
            for entry in container.get("env") or []:
                if entry["name"] == variable:
                    yield copy.deepcopy(entry), f"{other.subject} sets {variable} so"
    yield from _by_service(case, workload, variable)
    for kind, ref in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
        for obj in case.evidence.of(kind, workload.namespace):
            for key in obj.get("data") or {}:
                if _same_word(key, variable):
                    source = {ref: {"name": obj["metadata"]["name"], "key": key}}
                    yield {"name": variable, "valueFrom": source}, f"{kind} {obj['metadata']['name']} has the key {key}"


def _by_service(case: Case, workload: Workload, variable: str) -> Iterator[tuple[JsonObject, str]]:
    match = _ADDRESS.match(variable)
    if match is None:
        return
    wanted = match["service"].lower().replace("_", "-")
    names = {s["metadata"]["name"]: s for s in case.evidence.of("Service", workload.namespace)}
    name = (
        wanted
        if wanted in names
        else f"{wanted}-service"
        if f"{wanted}-service" in names
        else nearest(wanted, names, 0.7)
    )
    ports = (names[name].get("spec") or {}).get("ports") or [] if name else []
    if ports:
        value = name if match["what"] == "HOST" else f"{name}:{ports[0]['port']}"
        value = f"http://{value}" if match["what"] in ("URL", "URI") else value
        yield {"name": variable, "value": value}, f"Service {name} listens on {ports[0]['port']}"


def _same_word(key: str, variable: str) -> bool:
    return re.sub(r"[^a-z0-9]", "", key.lower()) == re.sub(r"[^a-z0-9]", "", variable.lower())


def file_candidates(case: Case, workload: Workload, container: JsonObject, path: str, reason: str) -> list[Candidate]:
    """Ways to a file that is not there: a variable that should name another file, a volume that is not mounted, a key."""
    found: list[Candidate] = []
    mounts = container.get("volumeMounts") or []
    offered = dict(_files(case, workload, mounts))
    close = nearest(path, offered, 0.7)
    for name, value in environment(case.evidence, workload, container).items():
        if value == path and close:
            entry = {"name": name, "value": close}
            found.append(_set(workload, container, entry, reason, f"{close} is there ({offered[close]})", worth=0.9))
    unmounted = [v for v in workload.pod_spec.get("volumes") or [] if v["name"] not in {m["name"] for m in mounts}]
    folder, _, leaf = path.rpartition("/")
    for volume in unmounted:
        if not str(volume["name"]).startswith("kube-api-access"):
            mount: dict[str, Any] = {"name": volume["name"], "mountPath": folder, "readOnly": True}
            step = fixes.set_field(workload.obj, container_path(workload, container, "volumeMounts"), [*mounts, mount])
            said = [f"the volume {volume['name']} is not mounted anywhere"]
            found += [fixes.candidate(Origin.DERIVE, [step], reason, said, worth=0.8)] if step else []
    for config in mounted_at(case, workload, container, folder):
        found += key_candidates(case, workload, config, leaf, reason)
    return found


def mounted_at(case: Case, workload: Workload, container: JsonObject, folder: str) -> Iterator[JsonObject]:
    """The ConfigMaps that a container mounts at a folder."""
    for mount in container.get("volumeMounts") or []:
        volume: JsonObject = next((v for v in workload.pod_spec.get("volumes") or [] if v["name"] == mount["name"]), {})
        config = case.evidence.get("ConfigMap", workload.namespace, (volume.get("configMap") or {}).get("name", ""))
        if config is not None and str(mount.get("mountPath", "")).rstrip("/") == folder:
            yield config


def key_candidates(case: Case, workload: Workload, config: JsonObject, leaf: str, reason: str) -> list[Candidate]:
    """The mounted ConfigMap lost the key: give it back from an earlier state, or from the key that has its content now."""
    again = fixes.restart(workload, case.evidence.at)
    found = case.restorations(config, lambda c: leaf in c.path or leaf in f"{c.before}", reason, extra=[again])
    data = config.get("data") or {}
    close = nearest(leaf, data, 0.6) or (next(iter(data)) if len(data) == 1 else "")
    step = fixes.set_field(config, ("data", leaf), data[close]) if close and leaf not in data else None
    said = [f"its key {close} is the nearest"]
    return [*found, *([fixes.candidate(Origin.DERIVE, [step, again], reason, said, worth=0.9)] if step else [])]


def _files(case: Case, workload: Workload, mounts: list[JsonObject]) -> Iterator[tuple[str, str]]:
    """Files that the mounted ConfigMaps and Secrets offer, with where they come from."""
    for mount in mounts:
        volume: JsonObject = next((v for v in workload.pod_spec.get("volumes") or [] if v["name"] == mount["name"]), {})
        for kind, name in (
            ("ConfigMap", (volume.get("configMap") or {}).get("name")),
            ("Secret", (volume.get("secret") or {}).get("secretName")),
        ):
            obj = case.evidence.get(kind, workload.namespace, name or "")
            for key in (obj or {}).get("data") or {}:
                yield f"{str(mount['mountPath']).rstrip('/')}/{key}", f"{kind} {name}"
