"""LimitRange: containers get default requests and limits, and are refused outside the bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus.sandbox import quantities
from stratus.sandbox.api import errors
from stratus.sandbox.api.admission import Review
from stratus.sandbox.api.core import Api

Object = dict[str, Any]


class LimitRanger:
    """The LimitRanger plug-in for pods and claims."""

    def __init__(self, api: Api) -> None:
        self._store = api.store

    def mutate(self, review: Review) -> None:
        """Fill requests and limits in a new pod's containers."""
        if review.operation != "CREATE" or review.kind.store != "pods":
            return
        for item in self._items(review, "Container"):
            changed = [
                _fill(container, item)
                for group in ("initContainers", "containers")
                for container in review.object["spec"].get(group, ())
            ]
            if any(changed):
                self._annotate(review.object, changed)

    def validate(self, review: Review) -> None:
        """Refuse a new pod or claim outside the bounds (403)."""
        if review.operation != "CREATE" or review.subresource:
            return
        if review.kind.store == "pods":
            problems = [
                problem
                for item in self._items(review, "Container")
                for problem in _container_problems(review.object, item)
            ]
            problems += [
                problem for item in self._items(review, "Pod") for problem in _pod_problems(review.object, item)
            ]
        elif review.kind.store == "persistentvolumeclaims":
            amounts = review.object["spec"].get("resources", {}).get("requests") or {}
            problems = [
                each
                for item in self._items(review, "PersistentVolumeClaim")
                for each in _bounds(item, amounts, {}, "PersistentVolumeClaim")
            ]
        else:
            return
        if problems:
            text = problems[0] if len(problems) == 1 else "[" + ", ".join(problems) + "]"
            raise errors.forbidden(review.kind, review.name, text)

    def _items(self, review: Review, type_: str) -> Iterator[Object]:
        for each in self._store.list("limitranges", review.namespace):
            yield from (item for item in each["spec"].get("limits") or () if item.get("type") == type_)

    def _annotate(self, pod: Object, changed: list[str]) -> None:
        note = "LimitRanger plugin set: " + "; ".join(each for each in changed if each)
        pod["metadata"].setdefault("annotations", {})["kubernetes.io/limit-ranger"] = note


def _fill(container: Object, item: Object) -> str:
    """Defaults of one container; tells what was set."""
    resources = container.setdefault("resources", {})
    notes = []
    for field, word, source in (("requests", "request", "defaultRequest"), ("limits", "limit", "default")):
        missing = {
            name: value for name, value in (item.get(source) or {}).items() if name not in resources.get(field, {})
        }
        if missing:
            resources[field] = {**resources.get(field, {}), **missing}
            notes.append(f"{', '.join(sorted(missing))} {word} for container {container.get('name')}")
    return "; ".join(notes)


def _container_problems(pod: Object, item: Object) -> list[str]:
    found = []
    for group in ("initContainers", "containers"):
        for container in pod["spec"].get(group, ()):
            resources = container.get("resources") or {}
            found += _bounds(item, resources.get("requests") or {}, resources.get("limits") or {}, "Container")
    return found


def _pod_problems(pod: Object, item: Object) -> list[str]:
    totals: dict[str, dict[str, Any]] = {"requests": {}, "limits": {}}
    for container in pod["spec"].get("containers", ()):
        for field, total in totals.items():
            for name, value in ((container.get("resources") or {}).get(field) or {}).items():
                total[name] = total.get(name, 0) + quantities.parse(value)
    shown = {field: {name: quantities.text(value) for name, value in total.items()} for field, total in totals.items()}
    return _bounds(item, shown["requests"], shown["limits"], "Pod")


def _bounds(item: Object, requests: Object, limits: Object, type_: str) -> list[str]:
    found = []
    for name, bound in (item.get("min") or {}).items():
        if name not in requests:
            found.append(f"minimum {name} usage per {type_} is {bound}.  No request is specified")
        elif quantities.parse(requests[name]) < quantities.parse(bound):
            found.append(f"minimum {name} usage per {type_} is {bound}, but request is {requests[name]}")
    for name, bound in (item.get("max") or {}).items():
        amount = limits.get(name) if type_ != "PersistentVolumeClaim" else requests.get(name)
        word = "limit" if type_ != "PersistentVolumeClaim" else "request"
        if amount is None:
            found.append(f"maximum {name} usage per {type_} is {bound}.  No {word} is specified")
        elif quantities.parse(amount) > quantities.parse(bound):
            found.append(f"maximum {name} usage per {type_} is {bound}, but {word} is {amount}")
    for name, ratio in (item.get("maxLimitRequestRatio") or {}).items():
        if name in limits and name in requests and quantities.parse(requests[name]):
            have = quantities.parse(limits[name]) / quantities.parse(requests[name])
            if have > quantities.parse(ratio):
                found.append(
                    f"{name} max limit to request ratio per {type_} is {ratio}, but provided ratio is {float(have):f}"
                )
    return found
