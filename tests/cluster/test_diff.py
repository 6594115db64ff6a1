"""Naming of fields, what counts as a difference, and what is never shown."""

from __future__ import annotations

from typing import Any

import pytest

from stratus.cluster.diff import changes
from stratus.cluster.merge import merge
from stratus.cluster.normal import SERVER_FIELDS, desired, recreation
from stratus.cluster.tree import MISSING, dotted, same
from stratus.domain.base import JsonObject


def _deployment(**container: Any) -> JsonObject:
    spec = {"template": {"spec": {"containers": [{"name": "geo", **container}]}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "geo"}, "spec": spec}


def _paths(before: JsonObject | None, after: JsonObject | None) -> dict[str, tuple[Any, Any]]:
    return {change.path: (change.before, change.after) for change in changes(before, after)}


GEO = "spec.template.spec.containers[name=geo]"


def test_leaves_are_named_by_merge_keys() -> None:
    ports = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}]
    more = [{**ports[0], "name": "dns"}, ports[1]]
    assert _paths(_deployment(image="a", ports=ports), _deployment(image="b", ports=more)) == {
        f"{GEO}.image": ("a", "b"),
        f"{GEO}.ports[containerPort=53,protocol=UDP].name": (None, "dns"),
    }


def test_an_added_item_does_not_repeat_its_name() -> None:
    env = [{"name": "A", "value": "1"}]
    assert _paths(_deployment(), _deployment(env=env)) == {f"{GEO}.env[name=A].value": (None, "1")}
    ports = [{"containerPort": 53, "protocol": "UDP"}]
    assert len(_paths(_deployment(ports=ports), _deployment())) == 2


def test_duplicate_keys_make_a_list_one_value() -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    assert _paths(_deployment(env=twice), _deployment(env=twice[:1])) == {f"{GEO}.env": (twice, twice[:1])}


def test_a_new_order_is_one_change_and_keys_with_dots_are_quoted() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}]
    assert list(_paths(_deployment(env=env), _deployment(env=env[::-1]))) == [f"{GEO}.env"]
    assert dotted(("metadata", "labels", "example.com/a")) == 'metadata.labels["example.com/a"]'


def test_creation_and_deletion_are_all_leaves() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "uid": "u"}, "data": {"a": "1"}}
    assert _paths(None, config) == {"data.a": (None, "1")}
    assert _paths(config, None) == {"data.a": ("1", None)}
    del config["data"]
    assert len(_paths(None, config)) == 1


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_secret_values_never_appear(field: str) -> None:
    def secret(value: str) -> JsonObject:
        annotations = {"kubectl.kubernetes.io/last-applied-configuration": f'{{"data":"{value}"}}'}
        meta = {"name": "s", "annotations": annotations}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, field: {"password": value, "same": "hunter2"}}

    found = {change.path: change for change in changes(secret("hunter2"), secret("hunter3"))}
    password = found.pop(f"{field}.password")
    assert password.before != password.after
    assert [path.rpartition(".")[2] for path in found] == ['io/last-applied-configuration"]']
    created, deleted = changes(None, secret("hunter2")), changes(secret("hunter2"), None)
    assert "hunter" not in repr((found, password, created, deleted))
    assert [change.after for change in created] == [change.before for change in deleted]


def test_what_the_server_writes_is_no_difference() -> None:
    annotations = {"deployment.kubernetes.io/revision": "3"}
    meta = {"name": "geo", "uid": "u", "resourceVersion": "9", "generation": 4, "managedFields": [], "selfLink": "/x"}
    live = _deployment(image="a") | {"metadata": {**meta, "annotations": annotations}, "status": {"replicas": 1}}
    assert changes(_deployment(image="a"), live) == ()
    assert all(row.reason for row in SERVER_FIELDS)


def test_a_service_keeps_its_addresses_and_a_claim_its_volume() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "uid": "u", "resourceVersion": "1"},
        "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80, "nodePort": 30000}]},
        "status": {},
    }
    assert recreation(service) == {**{k: v for k, v in service.items() if k != "status"}, "metadata": {"name": "s"}}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "c"},
        "spec": {"volumeName": "v"},
    }
    assert recreation(claim)["spec"] == {"volumeName": "v"} and desired(claim)["spec"] == {}


def test_a_re_created_pod_is_scheduled_anew_unless_somebody_chose_its_node() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": "n1"}}
    assert recreation(pod)["spec"] == {}
    fields = [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:nodeName": {}}}}]
    assert recreation({**pod, "metadata": {"name": "p", "managedFields": fields}})["spec"] == {"nodeName": "n1"}


def test_references_to_dead_owners_are_dropped() -> None:
    references = [{"kind": "Deployment", "name": "d", "uid": "dead"}, {"kind": "Gadget", "name": "g", "uid": "alive"}]
    child = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "ownerReferences": references}}
    assert recreation(child, frozenset({"dead"}))["metadata"]["ownerReferences"] == references[1:]


def test_json_values_are_compared_as_json() -> None:
    assert same(1, 1.0) and not same(True, 1) and not same(None, MISSING) and not same("1", 1)
    assert same({"a": [{"b": None}]}, {"a": [{"b": None}]}) and not same({"a": None}, {})


ENV = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
PROBE = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 5}
TCP = {"tcpSocket": {"port": 80}, "periodSeconds": 5}
CASES: dict[str, tuple[Any, Any, Any, Any, bool]] = {
    "order returns": ({"env": ENV}, {"env": ENV[::-1]}, {"env": ENV[::-1]}, {"env": ENV}, False),
    "order with a foreign item": (
        {"env": ENV},
        {"env": ENV[1:]},
        {"env": [*ENV[1:], {"name": "C", "value": "3"}]},
        {"env": [*ENV, {"name": "C", "value": "3"}]},
        False,
    ),
    "a foreign order stays": (
        {"env": [*ENV, {"name": "C", "value": "3"}]},
        {"env": ENV},
        {"env": ENV[::-1]},
        {"env": [ENV[1], {"name": "C", "value": "3"}, ENV[0]]},
        False,
    ),
    "a union is whole": ({"p": PROBE}, {"p": TCP}, {"p": {**TCP, "tcpSocket": {"port": 81}}}, None, True),
    "beside a union": (
        {"p": PROBE},
        {"p": TCP},
        {"p": {**TCP, "periodSeconds": 9}},
        {"p": {**PROBE, "periodSeconds": 9}},
        False,
    ),
    "a foreign label beside ours": (
        {},
        {"labels": {"a": "1"}},
        {"labels": {"a": "1", "b": "2"}},
        {"labels": {"b": "2"}},
        False,
    ),
    "an edited new probe": ({}, {"p": PROBE}, {"p": {**PROBE, "periodSeconds": 9}}, None, True),
    "an edited new item": (
        {"env": ENV[:1]},
        {"env": ENV},
        {"env": [ENV[0], {"name": "B", "value": "9"}]},
        None,
        True,
    ),
    "a deleted new item": ({"env": ENV[:1]}, {"env": ENV}, {"env": ENV[:1]}, {"env": ENV[:1]}, False),
    "volumes are whole": (
        {"volumes": [{"name": "v", "emptyDir": {}}]},
        {"volumes": [{"name": "v", "configMap": {"name": "a"}}]},
        {"volumes": [{"name": "v", "configMap": {"name": "b"}}]},
        None,
        True,
    ),
    "a list without keys is whole": ({"args": ["a"]}, {"args": ["b"]}, {"args": ["b", "c"]}, None, True),
    "finalizers are a set": (
        {},
        {"finalizers": ["ours"]},
        {"finalizers": ["theirs", "ours"]},
        {"finalizers": ["theirs"]},
        False,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_three_ways(name: str) -> None:
    pre, post, live, expected, disputed = CASES[name]
    found = merge(pre, post, live)
    assert same(found.result, live if expected is None else expected)
    assert bool(found.disputed) is disputed
