"""Services that lead elsewhere than to the pods that bear their name."""

from __future__ import annotations

import json

import pytest

from agents.evidence.changes import LAST_APPLIED
from stratus.domain.base import JsonObject
from tests.agents.test_analysers import Case, healthy, thought
from tests.agents.world import applied, container, deployment, event, finding, obj, pod

FAILS = [finding("Deployment", "web", "RequestsFail", 5.0)]
TIMES_OUT = {"web-1": "ERROR web call to geo:8080 failed: timed out"}


def world(front: JsonObject, *others: JsonObject) -> list[JsonObject]:
    owner, ready, _ = healthy("geo")
    ready["status"]["podIP"] = "10.0.0.1"
    return [owner, ready, front, *healthy("web", CALLS="geo:8080"), *others]


def listed(*addresses: str) -> JsonObject:
    ports = [{"port": 8080}]
    return obj("Endpoints", "geo", subsets=[{"addresses": [{"ip": ip} for ip in addresses], "ports": ports}])


def repaired(objects: list[JsonObject]) -> JsonObject:
    """The Service's spec after the best change; the diagnosis must blame it."""
    _, diagnosis, plan = thought(Case(objects, "", "", lambda w: True, FAILS, TIMES_OUT))
    assert (str(diagnosis[0].component), diagnosis[0].fault_class) == ("service/geo", "service-networking")
    after = applied(objects, plan[0][0].proposal.steps)
    return next(o["spec"] for o in after if o["kind"] == "Service" and o["metadata"]["name"] == "geo")


def bare(**spec: object) -> JsonObject:
    return obj("Service", "geo", spec={"ports": [{"name": "http", "port": 8080, "targetPort": 8080}], **spec})


@pytest.mark.parametrize("addresses", [(), ("10.9.9.9",)])
def test_a_service_without_a_selector_gets_that_of_its_namesake(addresses: tuple[str, ...]) -> None:
    assert repaired(world(bare(), listed(*addresses)))["selector"] == {"app": "geo"}


def mirrored(address: str) -> JsonObject:
    mark = "endpointslicemirroring-controller.k8s.io"
    labels = {"kubernetes.io/service-name": "geo", "endpointslice.kubernetes.io/managed-by": mark}
    return obj("EndpointSlice", "geo-x1", metadata={"labels": labels}, endpoints=[{"addresses": [address]}])


def test_addresses_from_a_time_without_a_selector_go_with_its_return_or_after_it() -> None:
    for front in (bare(), healthy("geo")[2]):
        objects = world(front, mirrored("10.9.9.9"))
        _, _, plan = thought(Case(objects, "", "", lambda w: True, FAILS, TIMES_OUT))
        after = applied(objects, plan[0][0].proposal.steps)
        assert next(o["spec"]["selector"] for o in after if o["kind"] == "Service") == {"app": "geo"}
        assert not [o for o in after if o["kind"] == "EndpointSlice"]


def test_mirrored_addresses_of_the_pods_themselves_are_left_alone() -> None:
    objects = world(healthy("geo")[2], mirrored("10.0.0.1"))
    _, _, plan = thought(Case(objects, "", "", lambda w: True, FAILS, TIMES_OUT))
    assert not [c for c, _ in plan if c.proposal.steps[0].target.kind == "EndpointSlice"]


def test_addresses_kept_by_hand_that_are_those_of_the_pods_are_left_alone() -> None:
    _, diagnosis, _ = thought(Case(world(bare(), listed("10.0.0.1")), "", "", lambda w: True, FAILS, TIMES_OUT))
    assert not [h for h in diagnosis if "selects no pods" in h.summary]


def test_an_alias_becomes_a_service_again() -> None:
    alias = bare(type="ExternalName", externalName="db.example.com", selector={"app": "geo"})
    spec = repaired(world(alias))
    assert (spec["type"], spec.get("externalName"), spec["selector"]) == ("ClusterIP", None, {"app": "geo"})


def test_an_alias_for_what_nobody_runs_here_is_left_alone() -> None:
    outside = obj("Service", "maps", spec={"type": "ExternalName", "externalName": "maps.example.com"})
    _, diagnosis, _ = thought(Case(world(healthy("geo")[2], outside), "", "", lambda w: True, FAILS, TIMES_OUT))
    assert "service/maps" not in [str(h.component) for h in diagnosis]


def test_the_protocol_is_the_one_in_which_the_pods_listen() -> None:
    front = healthy("geo")[2]
    front["spec"]["ports"][0]["protocol"] = "UDP"
    assert repaired(world(front))["ports"][0]["protocol"] == "TCP"


def test_a_deleted_workload_is_named_by_its_last_event_and_left_to_a_person() -> None:
    owner, _, front = healthy("geo")
    last = event(owner, "ScalingReplicaSet", "Scaled up replica set geo-1 to 1")
    found = [*FAILS, finding("Service", "geo", "NoReadyEndpoints", 4.0)]
    _, diagnosis, plan = thought(Case([front, last, *healthy("web", CALLS="geo:8080")], "", "", lambda w: True, found))
    assert str(diagnosis[0].component) == "deployment/geo" and "is gone" in diagnosis[0].summary
    assert not plan


def strangers(port: str, **labels: str) -> list[JsonObject]:
    """The geo that is meant, and a second workload with its label that listens on ``port``."""
    meant, ready, front = healthy("geo")
    other = deployment("canary", container("canary", env=[{"name": "PORT", "value": port}], readinessProbe=None))
    other["spec"]["template"]["metadata"]["labels"]["app"] = "geo"
    meant["spec"]["template"]["metadata"]["labels"] |= labels
    return [meant, ready, front, other, pod(other), *healthy("web", CALLS="geo:8080")]


REFUSED = {
    "web-1": "ERROR web call to geo:8080 failed: connection refused",
    "geo-1": "INFO listening on :8080",
    "canary-1": "INFO listening on :9999",
}


def test_a_second_workload_behind_a_service_must_listen_where_the_service_leads() -> None:
    objects = strangers("9999")
    _, diagnosis, plan = thought(Case(objects, "", "", lambda w: True, FAILS, REFUSED))
    assert str(diagnosis[0].component) == "deployment/canary"
    after = {o["metadata"]["name"]: o for o in applied(objects, plan[0][0].proposal.steps) if o["kind"] == "Deployment"}
    assert after["canary"]["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == "8080"
    assert [step.kind for step in plan[1][0].proposal.steps] == ["scale"], "else it is taken away"


def test_the_selector_is_narrowed_to_the_pods_that_listen_when_a_label_tells_them_apart() -> None:
    objects = strangers("none", tier="store")
    _, _, plan = thought(Case(objects, "", "", lambda w: True, FAILS, REFUSED))
    after = {o["metadata"]["name"]: o for o in applied(objects, plan[0][0].proposal.steps) if o["kind"] == "Service"}
    assert after["geo"]["spec"]["selector"] == {"app": "geo", "tier": "store"}


def test_two_workloads_that_both_listen_there_share_a_service_in_peace() -> None:
    words = {**REFUSED, "canary-1": "INFO listening on :8080"}
    _, diagnosis, _ = thought(Case(strangers("8080"), "", "", lambda w: True, FAILS, words))
    assert "deployment/canary" not in [str(h.component) for h in diagnosis if h.fault_class == "service-networking"]


def test_a_field_with_another_value_than_the_servers_default_is_drift_when_nobody_applied_it() -> None:
    front = healthy("geo")[2]
    asked = {"selector": {"app": "geo"}, "ports": [{"name": "http", "port": 8080, "targetPort": 8080}]}
    text = json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": asked})
    front["metadata"]["annotations"] = {LAST_APPLIED: text}
    front["spec"]["ports"][0]["protocol"] = "UDP"
    _, diagnosis, plan = thought(Case(world(front), "", "", lambda w: True, FAILS, TIMES_OUT))
    assert plan[0][0].origin == "restore"
    assert "UDP" in " ".join(diagnosis[0].evidence)
