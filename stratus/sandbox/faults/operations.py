"""The object changes of which faults and fixes are made: each is what a person would do with kubectl, and says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from stratus.sandbox.api import Api, ApiError, PatchKind
from stratus.sandbox.apps.applications import resource_of
from stratus.sandbox.objects import labels_of, name_of, namespace_of, selects

Object = dict[str, Any]
MANAGER = "stratus-sandbox"
DEPLOYMENTS = "deployments.apps"


class Operation(Protocol):
    """One step of a fault or of a fix."""

    def apply(self, api: Api) -> bool:
        """Makes the change; False when it has to wait and be tried again. Raises ApiError as the API answers."""
        ...

    def describe(self) -> str:
        """The step as a command."""
        ...


def _target(resource: str, namespace: str, name: str) -> str:
    where = f" -n {namespace}" if namespace else ""
    return f"{resource.partition('.')[0]} {name}{where}"


@dataclass(frozen=True)
class Edit:
    """A JSON patch of one object."""

    resource: str
    namespace: str
    name: str
    patch: Sequence[Object]

    def apply(self, api: Api) -> bool:
        api.patch(self.resource, self.namespace, self.name, list(self.patch), kind=PatchKind.JSON, manager=MANAGER)
        return True

    def describe(self) -> str:
        target = _target(self.resource, self.namespace, self.name)
        return f"kubectl patch {target} --type=json -p '{json.dumps(list(self.patch))}'"


@dataclass(frozen=True)
class Merge:
    """A strategic merge patch of one object."""

    resource: str
    namespace: str
    name: str
    patch: Mapping[str, Any]

    def apply(self, api: Api) -> bool:
        api.patch(self.resource, self.namespace, self.name, dict(self.patch), kind=PatchKind.STRATEGIC, manager=MANAGER)
        return True

    def describe(self) -> str:
        return f"kubectl patch {_target(self.resource, self.namespace, self.name)} -p '{json.dumps(self.patch)}'"


@dataclass(frozen=True)
class Create:
    """Creates an object; one that is there already is left as it is."""

    obj: Object

    def apply(self, api: Api) -> bool:
        try:
            api.create(resource_of(self.obj), namespace_of(self.obj), self.obj, manager=MANAGER)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        return True

    def describe(self) -> str:
        where = f" -n {namespace_of(self.obj)}" if namespace_of(self.obj) else ""
        return f"kubectl create -f {self.obj['kind'].lower()}-{name_of(self.obj)}.yaml{where}"


@dataclass(frozen=True)
class Delete:
    """Deletes an object, if it is there."""

    resource: str
    namespace: str
    name: str

    def apply(self, api: Api) -> bool:
        try:
            api.delete(self.resource, self.namespace, self.name)
        except ApiError as error:
            if error.code != 404:
                raise
        return True

    def describe(self) -> str:
        return f"kubectl delete {_target(self.resource, self.namespace, self.name)}"


@dataclass(frozen=True)
class DeletePods:
    """Deletes the pods of a Deployment; without a name, all pods of the namespace."""

    namespace: str
    deployment: str = ""

    def apply(self, api: Api) -> bool:
        selector: Object = {}
        if self.deployment:
            selector = api.get(DEPLOYMENTS, self.namespace, self.deployment)["spec"]["selector"]
        for pod in api.list("pods", self.namespace):
            if selects(selector, labels_of(pod)):
                api.delete("pods", self.namespace, name_of(pod))
        return True

    def describe(self) -> str:
        which = f"-l app={self.deployment}" if self.deployment else "--all"
        return f"kubectl delete pods {which} -n {self.namespace}"


@dataclass(frozen=True)
class DeleteJobs:
    """Deletes all Jobs of a namespace with their pods."""

    namespace: str

    def apply(self, api: Api) -> bool:
        for job in api.list("jobs.batch", self.namespace):
            api.delete("jobs.batch", self.namespace, name_of(job), propagation="Background")
        return True

    def describe(self) -> str:
        return f"kubectl delete jobs --all -n {self.namespace}"


@dataclass(frozen=True)
class Restart:
    """A rollout restart."""

    namespace: str
    deployment: str

    def apply(self, api: Api) -> bool:
        annotation = {"kubectl.kubernetes.io/restartedAt": api.kernel.timestamp()}
        patch = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
        return Merge(DEPLOYMENTS, self.namespace, self.deployment, patch).apply(api)

    def describe(self) -> str:
        return f"kubectl rollout restart deploy/{self.deployment} -n {self.namespace}"


@dataclass(frozen=True)
class Undo:
    """A rollout undo: the template of an older revision (0: the one before) becomes the present one."""

    namespace: str
    deployment: str
    revision: int = 0

    def apply(self, api: Api) -> bool:
        deployment = api.get(DEPLOYMENTS, self.namespace, self.deployment)
        uid = deployment["metadata"]["uid"]
        owned = [
            replicaset
            for replicaset in api.list("replicasets.apps", self.namespace)
            if any(owner["uid"] == uid for owner in replicaset["metadata"].get("ownerReferences") or ())
        ]
        revisions = sorted((_revision(replicaset), replicaset["spec"]["template"]) for replicaset in owned)
        wanted = [t for number, t in revisions if number == self.revision] if self.revision else [revisions[-2][1]]
        labels = {k: v for k, v in wanted[0]["metadata"]["labels"].items() if k != "pod-template-hash"}
        template = {**wanted[0], "metadata": {**wanted[0]["metadata"], "labels": labels}}
        patch = [{"op": "replace", "path": "/spec/template", "value": template}]
        return Edit(DEPLOYMENTS, self.namespace, self.deployment, patch).apply(api)

    def describe(self) -> str:
        to = f" --to-revision={self.revision}" if self.revision else ""
        return f"kubectl rollout undo deploy/{self.deployment} -n {self.namespace}{to}"


def _revision(replicaset: Object) -> int:
    return int((replicaset["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", "0"))


@dataclass(frozen=True)
class Taint:
    """Taints every node, or takes the taint away (no effect given)."""

    key: str
    value: str = ""
    effect: str = ""

    def apply(self, api: Api) -> bool:
        for node in api.list("nodes"):
            taints = [taint for taint in node["spec"].get("taints") or () if taint["key"] != self.key]
            if self.effect:
                taints.append({"key": self.key, "value": self.value, "effect": self.effect})
            spec = {**node["spec"], "taints": taints}
            api.update("nodes", "", name_of(node), {**node, "spec": spec}, manager=MANAGER)
        return True

    def describe(self) -> str:
        return f"kubectl taint nodes --all {self.key}" + (f"={self.value}:{self.effect}" if self.effect else "-")


@dataclass(frozen=True)
class EditText:
    """Changes one key of a ConfigMap by a function of its text."""

    namespace: str
    configmap: str
    key: str
    change: Callable[[str], str]
    what: str

    def apply(self, api: Api) -> bool:
        data = api.get("configmaps", self.namespace, self.configmap)["data"]
        patch = {"data": {self.key: self.change(data[self.key])}}
        return Merge("configmaps", self.namespace, self.configmap, patch).apply(api)

    def describe(self) -> str:
        return f"kubectl edit configmap {self.configmap} -n {self.namespace}   # {self.key}: {self.what}"


@dataclass(frozen=True)
class Wait:
    """Waits until something is so, because a person would, too."""

    until: Callable[[Api], bool]
    what: str

    def apply(self, api: Api) -> bool:
        return self.until(api)

    def describe(self) -> str:
        return f"# wait until {self.what}"


@dataclass(frozen=True)
class EachVolume:
    """Frees every Released PersistentVolume from its former claim."""

    def apply(self, api: Api) -> bool:
        for volume in api.list("persistentvolumes"):
            if (volume.get("status") or {}).get("phase") == "Released":
                Merge("persistentvolumes", "", name_of(volume), {"spec": {"claimRef": None}}).apply(api)
        return True

    def describe(self) -> str:
        return 'kubectl patch pv PV -p \'{"spec":{"claimRef":null}}\'   # for each Released volume'
