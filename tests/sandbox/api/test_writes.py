"""What only the embedded cluster's API has: conversion between versions, webhooks with a transport, events, printing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from stratus.sandbox import events
from stratus.sandbox.api import Api, ApiError, PatchKind
from stratus.sandbox.api.plugins import install
from stratus.sandbox.api.plugins.webhooks import WebhookError
from stratus.sandbox.kernel import Kernel
from stratus.sandbox.patch import fieldset
from stratus.sandbox.server import printing
from stratus.sandbox.store import Store

Object = dict[str, Any]


@pytest.fixture
def api() -> Api:
    found = Api(Store(), Kernel(virtual=True))
    install(found)
    found.create("namespaces", "", {"metadata": {"name": "a"}})
    found.create("serviceaccounts", "a", {"metadata": {"name": "default"}})
    return found


def webhook(api: Api, resource: str, transport: Any) -> None:
    install_plugins = Api(api.store, api.kernel, api.registry)
    install(install_plugins, transport=transport)
    api.admission = install_plugins.admission
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    hook = {
        "name": "h.example.com", "rules": [rule], "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://hook.example.com"},
    }  # fmt: skip
    api.create(f"{resource}.admissionregistration.k8s.io", "", {"metadata": {"name": "h"}, "webhooks": [hook]})


def test_a_mutating_webhook_patches_the_object(api: Api) -> None:
    def transport(config: Object, review: Object, timeout: float) -> Object:
        assert review["request"]["operation"] == "CREATE"
        patch = base64.b64encode(json.dumps([{"op": "add", "path": "/data", "value": {"k": "v"}}]).encode()).decode()
        return {"response": {"allowed": True, "patchType": "JSONPatch", "patch": patch}}

    webhook(api, "mutatingwebhookconfigurations", transport)
    assert api.create("configmaps", "a", {"metadata": {"name": "c"}})["data"] == {"k": "v"}


def test_a_validating_webhook_refuses_in_its_own_words(api: Api) -> None:
    def transport(config: Object, review: Object, timeout: float) -> Object:
        return {"response": {"allowed": False, "status": {"code": 403, "reason": "Forbidden", "message": "not today"}}}

    webhook(api, "validatingwebhookconfigurations", transport)
    with pytest.raises(ApiError) as refused:
        api.create("configmaps", "a", {"metadata": {"name": "c"}})
    assert refused.value.code == 403
    assert refused.value.message == 'admission webhook "h.example.com" denied the request: not today'


def test_a_failing_webhook_is_an_internal_error_for_the_write(api: Api) -> None:
    def transport(config: Object, review: Object, timeout: float) -> Object:
        raise WebhookError("context deadline exceeded")

    webhook(api, "validatingwebhookconfigurations", transport)
    with pytest.raises(ApiError) as refused:
        api.create("configmaps", "a", {"metadata": {"name": "c"}})
    assert (refused.value.code, "context deadline exceeded" in refused.value.message) == (500, True)


def test_equal_events_are_counted_and_a_flood_is_combined(api: Api) -> None:
    obj = api.create("configmaps", "a", {"metadata": {"name": "c"}})
    for _ in range(3):
        events.record(api, obj, "Warning", "Failed", "the same", "tester")
        api.kernel.advance(1)
    (event,) = api.list("events", "a")
    assert (event["count"], event["firstTimestamp"] < event["lastTimestamp"]) == (3, True)
    for number in range(20):
        events.record(api, obj, "Warning", "Flood", f"message {number}", "tester")
    flood = [each for each in api.list("events", "a") if each["reason"] == "Flood"]
    assert len(flood) == 11
    assert flood[-1]["message"].startswith("(combined from similar events): ")
    assert flood[-1]["count"] == 10


def test_events_are_forgotten_after_an_hour(api: Api) -> None:
    obj = api.create("configmaps", "a", {"metadata": {"name": "c"}})
    events.record(api, obj, "Normal", "Done", "once", "tester")
    api.kernel.advance(3590)
    assert api.list("events", "a")
    api.kernel.advance(20)
    assert api.list("events", "a") == []


def test_status_by_the_cheap_path_keeps_the_version_if_nothing_changes(api: Api) -> None:
    spec = {"containers": [{"name": "c", "image": "x"}]}
    api.create("pods", "a", {"metadata": {"name": "p"}, "spec": spec})
    first = api.set_status("pods", "a", "p", {"phase": "Running"})
    assert api.set_status("pods", "a", "p", {"phase": "Running"}) is first
    assert (
        api.set_status("pods", "a", "p", {"phase": "Failed"})["metadata"]["resourceVersion"]
        != first["metadata"]["resourceVersion"]
    )


def test_objects_that_readers_hold_never_change(api: Api) -> None:
    given = {"metadata": {"name": "c", "labels": {"l": "1"}}, "data": {"k": "1"}}
    held = api.create("configmaps", "a", given)
    copy = json.dumps(held, sort_keys=True)
    api.patch("configmaps", "a", "c", {"data": {"k": "2"}}, kind=PatchKind.MERGE)
    api.patch("configmaps", "a", "c", [{"op": "remove", "path": "/metadata/labels/l"}], kind=PatchKind.JSON)
    api.delete("configmaps", "a", "c")
    assert json.dumps(held, sort_keys=True) == copy
    assert given == {"metadata": {"name": "c", "labels": {"l": "1"}}, "data": {"k": "1"}}


def test_field_sets_survive_their_json_form() -> None:
    paths = {("f:a",), ("f:a", "f:b"), ("f:l", 'k:{"name":"x"}'), ("f:l", 'k:{"name":"x"}', "f:v"), ("f:s", 'v:"1"')}
    assert fieldset.decode(fieldset.encode(paths)) == paths
    assert fieldset.shown(("f:l", 'k:{"name":"x"}', "f:v")) == '.l[name="x"].v'


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (660, "11m"), (3 * 3600, "3h"), (3 * 3600 + 60, "3h1m"),
     (9 * 3600, "9h"), (49 * 3600, "2d1h"), (10 * 86400, "10d"), (800 * 86400, "2y70d")],
)  # fmt: skip
def test_ages_are_shown_as_kubectl_shows_them(seconds: int, shown: str) -> None:
    assert printing.duration(seconds) == shown


@pytest.mark.parametrize(
    ("statuses", "metadata", "shown"),
    [
        ([{"state": {"running": {}}, "ready": True}], {}, "Running"),
        ([{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}], {}, "CrashLoopBackOff"),
        ([{"state": {"terminated": {"exitCode": 3}}}], {}, "ExitCode:3"),
        ([{"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}], {}, "OOMKilled"),
        ([{"state": {"running": {}}, "ready": True}], {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "Terminating"),
    ],
)
def test_a_pods_status_is_the_word_that_helps(statuses: list[Object], metadata: Object, shown: str) -> None:
    pod = {
        "metadata": metadata,
        "spec": {"containers": []},
        "status": {"phase": "Running", "containerStatuses": statuses},
    }
    assert printing.pod_status(pod) == shown


def test_autoscalers_are_served_in_both_versions(api: Api) -> None:
    from stratus.sandbox.api import conversion

    view = api.registry.served("autoscaling", "v1", "horizontalpodautoscalers")
    assert view is not None
    target = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
    spec = {"maxReplicas": 4, "scaleTargetRef": target, "targetCPUUtilizationPercentage": 70}
    obj = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}, "spec": spec}
    stored = api.create(view.store, "a", conversion.to_stored(view, obj))
    assert stored["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
    assert conversion.to_view(view, stored)["spec"]["targetCPUUtilizationPercentage"] == 70
