"""Who else manages an object: said on the card, because a GitOps tool, a release or an operator may write over our change.

Only shown, never judged by: labels and annotations are anybody's text, and cannot move a step to another class (I9).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stratus.cluster.normal import REPLICAS, Fields, controller_of
from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused
from stratus.domain.objects import ObjectRef
from stratus.ports import ClusterReader

MARKS: tuple[tuple[str, str, str], ...] = (
    ("labels", "argocd.argoproj.io/instance", "Argo CD application {}"),
    ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD application {}"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux kustomization {}"),
    ("labels", "helm.toolkit.fluxcd.io/name", "Flux Helm release {}"),
    ("annotations", "meta.helm.sh/release-name", "Helm release {}"),
)
"""Where each tool marks what it manages, as their documentation says."""
PEOPLE = frozenset({"stratus", "kubectl", "kubectl-client-side-apply", "kubectl-edit", "before-first-apply"})
"""Field managers that stand for a person at a command line."""
GITOPS = {"argocd-controller": "Argo CD", "kustomize-controller": "Flux", "helm-controller": "Flux Helm controller"}


def managers(obj: JsonObject) -> tuple[str, ...]:
    """Everything that manages the object besides people, in words; without repetition."""
    return tuple(dict.fromkeys(_managers(obj)))


def _managers(obj: JsonObject) -> Iterator[str]:
    meta = obj.get("metadata", {})
    owner = controller_of(obj)
    if owner:
        yield f"{owner['kind']} {owner['name']}"
    named = False
    for where, key, words in MARKS:
        value = (meta.get(where) or {}).get(key)
        if value:
            named = True
            yield words.format(str(value).partition(":")[0])
    tool = (meta.get("labels") or {}).get("app.kubernetes.io/managed-by")
    if tool and not named:
        yield str(tool)
    for entry in meta.get("managedFields") or []:
        manager = str(entry.get("manager", ""))
        if entry.get("operation") == "Apply" and manager not in PEOPLE and not (named and manager in GITOPS):
            yield f"{GITOPS.get(manager, manager)} (server-side apply)"


async def controlled_fields(reader: ClusterReader, target: ObjectRef) -> tuple[Fields, ...]:
    """Fields of the target that an autoscaler sets. An identity that may not list autoscalers sees none."""
    if not target.namespace:
        return ()
    try:
        autoscalers = await reader.list("HorizontalPodAutoscaler", target.namespace)
    except Refused:
        return ()
    return controlled(target, autoscalers)


def controlled(target: ObjectRef, autoscalers: Iterable[JsonObject]) -> tuple[Fields, ...]:
    """``spec.replicas`` when one of the HorizontalPodAutoscalers scales the target."""
    for autoscaler in autoscalers:
        scaled = autoscaler.get("spec", {}).get("scaleTargetRef", {})
        group = str(scaled.get("apiVersion", target.api_version)).rpartition("/")[0]
        if (scaled.get("kind"), scaled.get("name"), group) == (target.kind, target.name, target.group):
            return (REPLICAS,)
    return ()
