"""What the API server adds to every pod: its service account and token, its priority, its default tolerations."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import errors, metadata
from stratus.sandbox.api.admission import Review
from stratus.sandbox.api.core import Api

Object = dict[str, Any]

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_TOLERATION_SECONDS = 300


class PodDefaults:
    """The ServiceAccount, Priority and DefaultTolerationSeconds plug-ins, and the taint of a new node."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._store = api.store

    def __call__(self, review: Review) -> None:
        if review.kind.store == "pods" and not review.subresource:
            if review.operation == "CREATE":
                self._account(review)
                self._priority(review)
            self._tolerations(review.object["spec"])
        elif review.operation == "CREATE" and review.kind.store == "nodes":
            _taint_new_node(review.object)
        elif review.operation == "CREATE" and review.kind.store == "priorityclasses.scheduling.k8s.io":
            self._only_default_class(review)

    def _account(self, review: Review) -> None:
        spec = review.object["spec"]
        name = spec.setdefault("serviceAccountName", "default")
        spec["serviceAccount"] = name
        account = self._store.get("serviceaccounts", review.namespace, name)
        if account is None:
            detail = f'error looking up service account {review.namespace}/{name}: serviceaccount "{name}" not found'
            raise errors.forbidden(review.kind, review.name, detail)
        if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            spec["imagePullSecrets"] = account["imagePullSecrets"]
        automount = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
        if automount:
            self._mount_token(spec)

    def _mount_token(self, spec: Object) -> None:
        containers = [*spec.get("initContainers", ()), *spec.get("containers", ())]
        needy = [each for each in containers if not _mounts_token(each)]
        if not needy:
            return
        name = metadata.generate_name("kube-api-access-", self._api.kernel.rng)
        for container in needy:
            mount = {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}
            container["volumeMounts"] = [*container.get("volumeMounts", ()), mount]
        spec["volumes"] = [*spec.get("volumes", ()), {"name": name, "projected": _token_sources()}]

    def _priority(self, review: Review) -> None:
        spec = review.object["spec"]
        name = spec.get("priorityClassName")
        classes = "priorityclasses.scheduling.k8s.io"
        if name:
            found = self._store.get(classes, "", name)
            if found is None:
                raise errors.forbidden(review.kind, review.name, f"no PriorityClass with name {name} was found")
        else:
            found = next((each for each in self._store.list(classes) if each.get("globalDefault")), None)
            if found is not None:
                spec["priorityClassName"] = found["metadata"]["name"]
        priority = found.get("value", 0) if found is not None else 0
        if spec.get("priority", priority) != priority:
            detail = f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; priority admission controller computed {priority} from the given PriorityClass name"  # noqa: E501
            raise errors.forbidden(review.kind, review.name, detail)
        spec["priority"] = priority
        policy = found.get("preemptionPolicy") if found is not None else None
        spec["preemptionPolicy"] = spec.get("preemptionPolicy") or policy or "PreemptLowerPriority"

    def _only_default_class(self, review: Review) -> None:
        if not review.object.get("globalDefault"):
            return
        for each in self._store.list(review.kind.store):
            if each.get("globalDefault"):
                name = each["metadata"]["name"]
                detail = f"PriorityClass {name} is already marked as default. Only one default can exist"
                raise errors.forbidden(review.kind, review.name, detail)

    def _tolerations(self, spec: Object) -> None:
        present = spec.get("tolerations") or []
        added = [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _TOLERATION_SECONDS}
            for key in _TOLERATED
            if not any(each.get("key") in (key, None) and each.get("effect") in ("NoExecute", None) for each in present)
        ]
        if added:
            spec["tolerations"] = [*present, *added]


def _taint_new_node(node: Object) -> None:
    """A node takes no pods before its kubelet has said that it is ready (TaintNodesByCondition)."""
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    taints = node.setdefault("spec", {}).get("taints") or []
    if not any(each["key"] == taint["key"] and each["effect"] == taint["effect"] for each in taints):
        node["spec"]["taints"] = [*taints, taint]


def _mounts_token(container: Object) -> bool:
    return any(mount.get("mountPath") == TOKEN_PATH for mount in container.get("volumeMounts") or ())


def _token_sources() -> Object:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return {
        "defaultMode": 420,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [namespace]}},
        ],
    }
