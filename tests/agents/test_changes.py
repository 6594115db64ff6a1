"""What changed: history, drift from what was applied, the last healthy state; and who wrote it when."""

from __future__ import annotations

import copy
import json

from agents.evidence.changes import LAST_APPLIED, RESTARTED_AT, Source
from agents.evidence.paths import MISSING, show
from stratus.domain.base import JsonObject
from tests.agents.world import NS, container, deployment, evidence, obj, replica_set, service


def applied(live: JsonObject, **asked: object) -> JsonObject:
    """The live object with an annotation that says what was applied."""
    text = json.dumps({"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": {}, **asked})
    live["metadata"]["annotations"] = {LAST_APPLIED: text}
    return live


def said(live: JsonObject, *others: JsonObject, **more: object) -> dict[str, tuple[object, object]]:
    """path: (before, after) of every change."""
    found = evidence(live, *others, **more).changes(live)  # type: ignore[arg-type]
    return {show(c.path): (c.before, c.after) for c in found}


def test_a_new_field_of_the_template_is_a_change_and_a_restart_stamp_is_not() -> None:
    good = deployment("geo")
    bad = copy.deepcopy(good)
    bad["spec"]["template"]["metadata"]["annotations"] = {RESTARTED_AT: "now"}
    bad["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    assert said(bad, replica_set(good, 1), replica_set(bad, 2)) == {
        "spec.template.spec.nodeSelector": (MISSING, {"disk": "ssd"})
    }


def test_what_the_server_fills_in_is_no_drift() -> None:
    live = service("geo")
    live["spec"] |= {"clusterIP": "10.0.0.7", "type": "ClusterIP", "sessionAffinity": "None"}
    asked = {"selector": {"app": "geo"}, "ports": [{"port": 8080, "targetPort": "8080", "name": "http"}]}
    assert said(applied(live, spec=asked)) == {}


def test_a_key_that_somebody_added_to_a_selector_is_drift() -> None:
    live = service("geo", app="geo", tier="web")
    assert said(applied(live, spec={"selector": {"app": "geo"}})) == {"spec.selector.tier": (MISSING, "web")}


def test_a_variable_that_was_applied_and_is_gone_is_drift() -> None:
    entry = {"name": "A", "value": "1"}
    asked, live = (deployment("geo", container("geo", env=env))["spec"] for env in ([entry], []))
    owner = obj("Deployment", "geo", spec=live)
    assert said(applied(owner, spec=asked)) == {"spec.template.spec.containers[name=geo].env[name=A]": (entry, MISSING)}


def test_a_secret_applied_as_text_is_compared_as_data_and_never_shown() -> None:
    live = obj("Secret", "store", data={"token": "b3RoZXI="})
    seen = evidence(applied(live, stringData={"token": "s3cret"}))
    (change,) = seen.changes(live)
    assert change.before == "czNjcmV0"
    assert "czNjcmV0" not in change.sentence() and "b3RoZXI=" not in change.sentence()


def test_the_last_healthy_state_outranks_history() -> None:
    good = deployment("geo", replicas=2)
    bad = copy.deepcopy(good)
    bad["spec"]["replicas"] = 0
    found = evidence(bad, baseline=[good]).changes(bad)
    assert [(c.source, c.before, c.after) for c in found] == [(Source.BASELINE, 2, 0)]


def test_status_and_bookkeeping_are_no_change() -> None:
    good = deployment("geo")
    now = copy.deepcopy(good)
    now["status"] = {"readyReplicas": 1}
    now["metadata"] |= {
        "resourceVersion": "9",
        "generation": 4,
        "annotations": {"deployment.kubernetes.io/revision": "2"},
    }
    assert said(now, baseline=[good]) == {}


def test_a_change_says_who_wrote_it_and_when() -> None:
    good = service("geo")
    bad = copy.deepcopy(good)
    bad["spec"]["ports"][0]["targetPort"] = 9999
    fields = {"f:spec": {"f:ports": {'k:{"port":8080,"protocol":"TCP"}': {"f:targetPort": {}}}}}
    entry = {"manager": "kubectl-patch", "time": "2026-01-01T01:30:00Z", "fieldsV1": fields}
    bad["metadata"]["managedFields"] = [{"manager": "helm", "time": "2026-01-01T01:00:00Z", "fieldsV1": {}}, entry]
    for each in (good, bad):
        del each["spec"]["ports"][0]["name"]
    (change,) = evidence(bad, baseline=[good]).changes(bad)
    assert change.by == "kubectl-patch"
    assert change.sentence() == (
        "ports[port=8080].targetPort changed 8080 → 9999 at 01:30:00 by kubectl-patch (last healthy state)"
    )


def test_a_broken_annotation_is_no_evidence() -> None:
    live = service("geo")
    live["metadata"]["annotations"] = {LAST_APPLIED: "{not json"}
    assert said(live) == {} and live["metadata"]["namespace"] == NS


def test_what_the_server_fills_in_inside_a_list_and_another_spelling_of_a_quantity_are_no_drift() -> None:
    rule = {"apiGroups": [""], "operations": ["CREATE"], "resources": ["pods"]}
    hook = obj(
        "ValidatingWebhookConfiguration", "w", namespace="", webhooks=[{"name": "a", "rules": [rule | {"scope": "*"}]}]
    )
    assert said(applied(hook, webhooks=[{"name": "a", "rules": [rule]}])) == {}
    quota = obj("ResourceQuota", "q", spec={"hard": {"cpu": "100m"}})
    assert said(applied(quota, spec={"hard": {"cpu": "0.1"}})) == {}
    assert said(applied(quota, spec={"hard": {"cpu": "0.2"}})) == {"spec.hard.cpu": ("0.2", "100m")}


def test_a_default_inside_a_variable_is_no_drift_but_another_source_is() -> None:
    def owner(source: JsonObject) -> JsonObject:
        return deployment("geo", container("geo", env=[{"name": "IP", "valueFrom": source}]))

    asked = owner({"fieldRef": {"fieldPath": "status.podIP"}})["spec"]
    same = owner({"fieldRef": {"fieldPath": "status.podIP", "apiVersion": "v1"}})
    other = owner({"fieldRef": {"fieldPath": "status.hostIP", "apiVersion": "v1"}})
    assert said(applied(same, spec=asked)) == {}
    assert list(said(applied(other, spec=asked))) == ["spec.template.spec.containers[name=geo].env[name=IP]"]
