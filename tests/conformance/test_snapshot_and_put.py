"""Reading an object and putting it back: what an undo by PUT relies on."""

from __future__ import annotations

from tests.conformance.clients import Client
from tests.conformance.objects import config_map, deployment, service


def test_put_with_an_old_version_conflicts(cluster: Client) -> None:
    old = cluster.create("configmaps", config_map("a", {"k": "1"})).body
    cluster.patch("configmaps", "a", {"data": {"k": "2"}})
    answer = cluster.put("configmaps", {**old, "data": {"k": "3"}})
    assert (answer.code, answer.reason) == (409, "Conflict")
    assert cluster.get("configmaps", "a")["data"] == {"k": "2"}


def test_put_without_a_version_overwrites_blindly(cluster: Client) -> None:
    cluster.create("configmaps", config_map("a", {"k": "1"}))
    cluster.patch("configmaps", "a", {"metadata": {"annotations": {"x": "added"}}})
    answer = cluster.put("configmaps", config_map("a", {"k": "3"}))
    assert answer.code == 200
    assert "annotations" not in answer["metadata"]
    assert answer["data"] == {"k": "3"}


def test_put_without_a_version_is_refused_where_updates_are_conditional(cluster: Client) -> None:
    cluster.create("services", service("a"))
    assert cluster.put("services", service("a")).code == 422
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}}
    cluster.create("poddisruptionbudgets", budget)
    answer = cluster.put("poddisruptionbudgets", budget)
    assert (answer.code, answer.causes) == (422, {("metadata.resourceVersion", "FieldValueInvalid")})
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}}
    cluster.create("leases", lease)
    assert cluster.put("leases", lease).code == 422


def test_put_ignores_status(cluster: Client) -> None:
    made = cluster.create("deployments", deployment("a", replicas=0)).body
    answer = cluster.put("deployments", {**made, "status": {"replicas": 99}})
    assert answer.code in (200, 409)
    assert cluster.get("deployments", "a")["status"].get("replicas", 0) == 0


def test_put_to_status_changes_only_status(cluster: Client) -> None:
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "5"}}}
    cluster.create("resourcequotas", quota)
    now = cluster.get("resourcequotas", "q").body
    now["spec"]["hard"]["configmaps"] = "7"
    now["metadata"].pop("resourceVersion")
    answer = cluster.put("resourcequotas", now, "status")
    assert answer.code == 200
    assert answer["spec"]["hard"]["configmaps"] == "5"


def test_put_with_another_uid_conflicts(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("a", {"k": "1"})).body
    made["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
    answer = cluster.put("configmaps", made)
    assert (answer.code, answer.reason) == (409, "Conflict")


def test_a_put_that_changes_nothing_keeps_the_version(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("a", {"k": "1"})).body
    assert cluster.put("configmaps", made)["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_patch_that_changes_nothing_keeps_the_version(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("a", {"k": "1"})).body
    answer = cluster.patch("configmaps", "a", {"data": {"k": "1"}})
    assert answer["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_put_of_a_service_needs_its_cluster_ip(cluster: Client) -> None:
    made = cluster.create("services", service("a")).body
    assert cluster.put("services", made).code == 200
    for field in ("clusterIP", "clusterIPs"):
        made["spec"].pop(field, None)
    answer = cluster.put("services", made)
    assert (answer.code, answer.reason) == (422, "Invalid")
    assert answer.causes == {("spec.clusterIPs[0]", "FieldValueInvalid")}


def test_absent_managed_fields_keep_ownership(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("a", {"k": "1"}), fieldManager="one").body
    made["metadata"].pop("managedFields")
    answer = cluster.put("configmaps", made, fieldManager="two")
    assert [each["manager"] for each in answer["metadata"]["managedFields"]] == ["one"]


def test_empty_managed_fields_erase_ownership(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("a", {"k": "1"}), fieldManager="one").body
    made["metadata"]["managedFields"] = []
    answer = cluster.put("configmaps", made, fieldManager="two")
    assert "managedFields" not in answer["metadata"]
    changed = cluster.patch("configmaps", "a", {"data": {"k": "2"}}, fieldManager="three")
    assert "managedFields" not in changed["metadata"]


def test_put_takes_fields_from_whoever_applied_them(cluster: Client) -> None:
    cluster.apply("configmaps", config_map("a", {"k": "1"}), "applier")
    now = cluster.get("configmaps", "a").body
    now["data"]["k"] = "2"
    cluster.put("configmaps", now, fieldManager="agent")
    answer = cluster.apply("configmaps", config_map("a", {"k": "1"}), "applier")
    assert (answer.code, answer.reason) == (409, "Conflict")
    assert answer.causes == {(".data.k", "FieldManagerConflict")}


def test_generation_counts_spec_changes_and_never_goes_back(cluster: Client) -> None:
    first = cluster.create("deployments", deployment("a", replicas=0)).body
    assert first["metadata"]["generation"] == 1
    assert cluster.patch("deployments", "a", {"spec": {"minReadySeconds": 3}})["metadata"]["generation"] == 2
    assert cluster.patch("deployments", "a", {"spec": {"minReadySeconds": 0}})["metadata"]["generation"] == 3
    assert cluster.patch("deployments", "a", {"metadata": {"labels": {"l": "x"}}})["metadata"]["generation"] == 3
    assert cluster.patch("deployments", "a", {"metadata": {"annotations": {"n": "x"}}})["metadata"]["generation"] == 4


def test_a_dry_run_answers_but_keeps_nothing(cluster: Client) -> None:
    answer = cluster.create("configmaps", config_map("a", {"k": "1"}), dryRun="All")
    assert answer.code == 201
    assert answer["metadata"]["uid"]
    assert cluster.get("configmaps", "a").code == 404
    made = cluster.create("configmaps", config_map("a", {"k": "1"})).body
    changed = cluster.patch("configmaps", "a", {"data": {"k": "2"}}, dryRun="All")
    assert changed["data"] == {"k": "2"}
    assert changed["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert cluster.delete("configmaps", "a", dryRun="All").code == 200
    assert cluster.get("configmaps", "a")["data"] == {"k": "1"}
    assert cluster.create("configmaps", config_map("a", {}), dryRun="Some").code in (400, 422)
