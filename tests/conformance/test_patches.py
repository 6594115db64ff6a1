"""The four patch formats, and preconditions inside them."""

from __future__ import annotations

from tests.conformance.clients import JSON_PATCH, MERGE, STRATEGIC, Client
from tests.conformance.objects import config_map, deployment, pod_spec


def test_a_version_inside_a_patch_is_a_precondition(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("a", {"k": "1"})).body
    cluster.patch("configmaps", "a", {"data": {"k": "2"}})
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"k": "3"}}
    for media in (MERGE, STRATEGIC):
        answer = cluster.patch("configmaps", "a", stale, media)
        assert (answer.code, answer.reason) == (409, "Conflict")


def test_a_uid_inside_a_patch_is_a_precondition(cluster: Client) -> None:
    cluster.create("configmaps", config_map("a", {"k": "1"}))
    other = {"metadata": {"uid": "00000000-0000-0000-0000-000000000000"}, "data": {"k": "3"}}
    answer = cluster.patch("configmaps", "a", other)
    assert (answer.code, answer.causes) == (422, {("metadata.uid", "FieldValueInvalid")})


def test_a_failed_test_of_a_json_patch_is_invalid(cluster: Client) -> None:
    cluster.create("configmaps", config_map("a", {"k": "1"}))
    test = {"op": "test", "path": "/data/k", "value": "other"}
    answer = cluster.patch("configmaps", "a", [test, {"op": "remove", "path": "/data/k"}], JSON_PATCH)
    assert (answer.code, answer.reason) == (422, "Invalid")
    assert cluster.get("configmaps", "a")["data"] == {"k": "1"}


def test_a_json_patch_to_a_missing_path_is_invalid(cluster: Client) -> None:
    cluster.create("configmaps", config_map("a", {"k": "1"}))
    answer = cluster.patch("configmaps", "a", [{"op": "remove", "path": "/data/absent"}], JSON_PATCH)
    assert answer.code == 422


def test_a_merge_patch_replaces_lists(cluster: Client) -> None:
    spec = pod_spec(nodeSelector={"no": "where"})
    spec["containers"][0]["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    cluster.create("deployments", deployment("a", replicas=0, spec=spec))
    changed = {**spec["containers"][0], "env": [{"name": "C", "value": "3"}]}
    answer = cluster.patch("deployments", "a", {"spec": {"template": {"spec": {"containers": [changed]}}}})
    assert answer["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "C", "value": "3"}]


def test_a_strategic_patch_merges_lists_by_key(cluster: Client) -> None:
    spec = pod_spec(nodeSelector={"no": "where"})
    spec["containers"][0]["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    cluster.create("deployments", deployment("a", replicas=0, spec=spec))
    env = [{"name": "B", "value": "9"}, {"name": "C", "value": "3"}, {"name": "A", "$patch": "delete"}]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "env": env}]}}}}
    answer = cluster.patch("deployments", "a", patch, STRATEGIC)
    found = answer["spec"]["template"]["spec"]["containers"][0]["env"]
    assert sorted(found, key=lambda each: each["name"]) == [{"name": "B", "value": "9"}, {"name": "C", "value": "3"}]


def test_set_element_order_orders_a_merged_list(cluster: Client) -> None:
    spec = pod_spec(nodeSelector={"no": "where"})
    spec["containers"][0]["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    cluster.create("deployments", deployment("a", replicas=0, spec=spec))
    container = {
        "name": "c",
        "env": [{"name": "C", "value": "3"}],
        "$setElementOrder/env": [{"name": "C"}, {"name": "B"}, {"name": "A"}],
    }
    patch = {
        "spec": {"template": {"spec": {"containers": [container], "$setElementOrder/containers": [{"name": "c"}]}}}
    }
    answer = cluster.patch("deployments", "a", patch, STRATEGIC)
    names = [each["name"] for each in answer["spec"]["template"]["spec"]["containers"][0]["env"]]
    assert names == ["C", "B", "A"]


def test_retain_keys_drops_the_rest_of_a_union(cluster: Client) -> None:
    cluster.create("deployments", deployment("a", replicas=0))
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    answer = cluster.patch("deployments", "a", patch, STRATEGIC)
    assert answer["spec"]["strategy"] == {"type": "Recreate"}


def test_patch_replace_directive_replaces_a_map(cluster: Client) -> None:
    cluster.create("configmaps", config_map("a", {"k": "1", "l": "2"}))
    answer = cluster.patch("configmaps", "a", {"data": {"$patch": "replace", "m": "3"}}, STRATEGIC)
    assert answer["data"] == {"m": "3"}


def test_null_removes_in_merge_and_strategic_patches(cluster: Client) -> None:
    cluster.create("configmaps", config_map("a", {"k": "1", "l": "2", "m": "3"}))
    cluster.patch("configmaps", "a", {"data": {"k": None}}, MERGE)
    answer = cluster.patch("configmaps", "a", {"data": {"l": None}}, STRATEGIC)
    assert answer["data"] == {"m": "3"}


def test_a_patch_of_an_absent_object_is_not_found(cluster: Client) -> None:
    for media in (MERGE, STRATEGIC):
        answer = cluster.patch("configmaps", "absent", {"data": {}}, media)
        assert (answer.code, answer.reason) == (404, "NotFound")


def test_an_unknown_patch_format_is_refused(cluster: Client) -> None:
    cluster.create("configmaps", config_map("a", {"k": "1"}))
    answer = cluster.patch("configmaps", "a", {"data": {}}, "text/plain")
    assert (answer.code, answer.reason) == (415, "UnsupportedMediaType")


def test_a_malformed_patch_is_refused(cluster: Client) -> None:
    cluster.create("configmaps", config_map("a", {"k": "1"}))
    assert cluster.patch("configmaps", "a", ["no", "patch"], MERGE).causes == {("patch", "FieldValueInvalid")}
    assert cluster.patch("configmaps", "a", {"data": {"k": 5}}, MERGE).causes == {("patch", "FieldValueInvalid")}
    assert cluster.patch("configmaps", "a", ["no", "patch"], STRATEGIC).code == 400
    assert cluster.patch("configmaps", "a", {"op": "test"}, JSON_PATCH).code == 400


def test_the_scale_subresource_reads_and_writes_replicas(cluster: Client) -> None:
    made = cluster.create("deployments", deployment("a", replicas=2)).body
    scale = cluster.get("deployments", "a", "scale").body
    assert (scale["kind"], scale["apiVersion"], scale["spec"]) == ("Scale", "autoscaling/v1", {"replicas": 2})
    assert scale["metadata"]["uid"] == made["metadata"]["uid"]
    assert cluster.patch("deployments", "a", {"spec": {"replicas": 0}}, sub="scale")["spec"] == {}
    assert cluster.get("deployments", "a")["spec"]["replicas"] == 0
    assert cluster.patch("deployments", "a", {"spec": {"replicas": -1}}, sub="scale").code == 422
    stale = {**scale, "spec": {"replicas": 5}}
    assert cluster.put("deployments", stale, "scale").code == 409
    stale["metadata"].pop("resourceVersion")
    assert cluster.put("deployments", stale, "scale")["spec"] == {"replicas": 5}
