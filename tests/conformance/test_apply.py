"""Server-side apply: ownership, conflicts, and what goes when it is no longer applied."""

from __future__ import annotations

from typing import Any

from tests.conformance.clients import JSON_PATCH, Client
from tests.conformance.objects import config_map, deployment


def owners(obj: Any) -> dict[tuple[str, str], Any]:
    return {(each["manager"], each["operation"]): each["fieldsV1"] for each in obj["metadata"].get("managedFields", [])}


def test_apply_creates_and_owns_what_it_names(cluster: Client) -> None:
    answer = cluster.apply("configmaps", config_map("a", {"k": "1"}, labels={"l": "x"}), "one")
    assert answer.code == 201
    assert owners(answer.body) == {("one", "Apply"): {"f:data": {"f:k": {}}, "f:metadata": {"f:labels": {"f:l": {}}}}}


def test_apply_needs_a_field_manager(cluster: Client) -> None:
    typed = {"apiVersion": "v1", **config_map("a", {})}
    answer = cluster.patch("configmaps", "a", typed, "application/apply-patch+yaml")
    assert answer.code in (400, 422)


def test_another_value_conflicts_and_names_the_owner(cluster: Client) -> None:
    cluster.apply("configmaps", config_map("a", {"k": "1", "l": "1"}), "one")
    answer = cluster.apply("configmaps", config_map("a", {"k": "2", "l": "1"}), "two")
    assert (answer.code, answer.reason) == (409, "Conflict")
    assert answer.causes == {(".data.k", "FieldManagerConflict")}
    assert 'conflict with "one"' in answer["message"]


def test_the_same_value_is_shared(cluster: Client) -> None:
    cluster.apply("configmaps", config_map("a", {"k": "1"}), "one")
    answer = cluster.apply("configmaps", config_map("a", {"k": "1"}), "two")
    assert set(owners(answer.body)) == {("one", "Apply"), ("two", "Apply")}


def test_force_takes_the_field(cluster: Client) -> None:
    cluster.apply("configmaps", config_map("a", {"k": "1", "l": "1"}), "one")
    answer = cluster.apply("configmaps", config_map("a", {"k": "2"}), "two", force="true")
    assert answer["data"] == {"k": "2", "l": "1"}
    assert owners(answer.body) == {("one", "Apply"): {"f:data": {"f:l": {}}}, ("two", "Apply"): {"f:data": {"f:k": {}}}}


def test_a_dropped_field_goes_only_when_nobody_else_owns_it(cluster: Client) -> None:
    cluster.apply("configmaps", config_map("a", {"k": "1", "l": "1"}), "one")
    cluster.apply("configmaps", config_map("a", {"l": "1"}), "two")
    answer = cluster.apply("configmaps", config_map("a", {}), "one")
    assert answer["data"] == {"l": "1"}


def test_an_update_owns_what_it_changes(cluster: Client) -> None:
    cluster.apply("configmaps", config_map("a", {"k": "1", "l": "1"}), "one")
    answer = cluster.patch("configmaps", "a", {"data": {"k": "2"}}, fieldManager="agent")
    assert owners(answer.body) == {
        ("one", "Apply"): {"f:data": {"f:l": {}}},
        ("agent", "Update"): {"f:data": {"f:k": {}}},
    }


def test_a_create_owns_everything_it_set(cluster: Client) -> None:
    answer = cluster.create("deployments", deployment("a", replicas=0), fieldManager="maker")
    (fields,) = owners(answer.body).values()
    assert fields["f:spec"]["f:selector"] == {}
    assert fields["f:spec"]["f:strategy"]["f:rollingUpdate"] == {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}
    template = fields["f:spec"]["f:template"]
    assert template["f:metadata"] == {"f:labels": {".": {}, "f:app": {}}}
    container = template["f:spec"]["f:containers"]['k:{"name":"c"}']
    assert container == {
        ".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {}, "f:resources": {},
        "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
    }  # fmt: skip


def test_applying_to_a_keyed_list_touches_only_its_items(cluster: Client) -> None:
    cluster.create("deployments", deployment("a", replicas=0), fieldManager="maker")
    container = {"name": "side", "image": "localhost:5000/side:1"}
    patch = {
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    answer = cluster.apply("deployments", patch, "sidecar")
    assert answer.code == 200
    names = [each["name"] for each in answer["spec"]["template"]["spec"]["containers"]]
    assert sorted(names) == ["c", "side"]
    patch["spec"] = {}
    after = cluster.apply("deployments", patch, "sidecar")
    assert [each["name"] for each in after["spec"]["template"]["spec"]["containers"]] == ["c"]


def test_replicas_scaled_by_another_manager_conflict(cluster: Client) -> None:
    wanted = {"kind": "Deployment", "metadata": {"name": "a"}, "spec": {**deployment("a")["spec"], "replicas": 0}}
    assert cluster.apply("deployments", wanted, "one").code == 201
    cluster.patch("deployments", "a", {"spec": {"replicas": 1}}, fieldManager="scaler")
    answer = cluster.apply("deployments", wanted, "one")
    assert (answer.code, answer.causes) == (409, {(".spec.replicas", "FieldManagerConflict")})


def test_managed_fields_may_not_be_applied(cluster: Client) -> None:
    made = cluster.apply("configmaps", config_map("a", {"k": "1"}), "one").body
    assert cluster.apply("configmaps", made, "one").code == 400


def test_an_untracked_object_is_owned_by_before_first_apply(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("a", {"k": "1"})).body
    made["metadata"]["managedFields"] = []
    cluster.put("configmaps", made)
    answer = cluster.apply("configmaps", config_map("a", {"l": "2"}), "one")
    assert set(owners(answer.body)) == {("one", "Apply"), ("before-first-apply", "Update")}


def test_a_manager_that_took_over_an_updates_fields_applies_on(cluster: Client) -> None:
    """As kubectl migrates: what the update owned, whole maps included, becomes the apply's; the next apply sheds the rest."""
    whole = deployment("a", replicas=0)
    whole["metadata"]["labels"] = {"l": "x", "m": "y"}
    assert cluster.create("deployments", whole).code == 201
    configuration = deployment("a", replicas=0)
    configuration["metadata"]["labels"] = {"l": "x"}
    applied = cluster.apply("deployments", configuration, "one")
    assert applied.code == 200, applied
    entries = applied.body["metadata"]["managedFields"]
    (updated,) = [each for each in entries if each["manager"] == "conformance"]
    for each in entries:
        if each["manager"] == "one":
            each["fieldsV1"] = updated["fieldsV1"]
    kept = [each for each in entries if each is not updated]
    patch = [{"op": "replace", "path": "/metadata/managedFields", "value": kept}]
    assert cluster.patch("deployments", "a", patch, JSON_PATCH).code == 200
    answer = cluster.apply("deployments", configuration, "one")
    assert answer.code == 200, answer
    assert answer.body["metadata"]["labels"] == {"l": "x"}
    template = answer.body["spec"]["template"]
    assert template["metadata"]["labels"] == configuration["spec"]["template"]["metadata"]["labels"]
    assert owners(answer.body)["one", "Apply"]["f:metadata"] == {"f:labels": {"f:l": {}}}
