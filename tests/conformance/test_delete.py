"""Deleting, what it leaves, and creating again from a snapshot."""

from __future__ import annotations

import copy
from typing import Any

from tests.conformance.clients import Client
from tests.conformance.objects import claim, config_map, deployment, job, pod, pod_spec, service

SERVER_OWNED = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")


def snapshot(obj: Any) -> Any:
    """The object as an undo re-creates it: without what the server owns."""
    bare = copy.deepcopy(obj)
    bare.pop("status", None)
    for field in SERVER_OWNED:
        bare["metadata"].pop(field, None)
    return bare


def owner(obj: Any) -> Any:
    return {"apiVersion": "v1", "kind": obj["kind"], "name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}


def test_a_deleted_object_is_gone_and_says_so(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("a", {})).body
    answer = cluster.delete("configmaps", "a")
    assert (answer.code, answer["kind"], answer["status"]) == (200, "Status", "Success")
    assert answer["details"]["uid"] == made["metadata"]["uid"]
    assert cluster.get("configmaps", "a").reason == "NotFound"
    assert cluster.delete("configmaps", "a").code == 404


def test_a_snapshot_is_created_again_as_a_new_object(cluster: Client) -> None:
    made = cluster.create("deployments", deployment("a", replicas=0)).body
    cluster.patch("deployments", "a", {"spec": {"minReadySeconds": 1}})
    cluster.delete("deployments", "a")
    again = cluster.create("deployments", snapshot(made)).body
    assert again["metadata"]["uid"] != made["metadata"]["uid"]
    assert again["metadata"]["generation"] == 1
    assert again["status"] == {}
    assert again["spec"] == made["spec"]


def test_create_with_a_version_is_refused(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("a", {})).body
    cluster.delete("configmaps", "a")
    assert cluster.create("configmaps", made).code == 500


def test_preconditions_hold_a_delete(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("a", {})).body
    other = "00000000-0000-0000-0000-000000000000"
    assert cluster.delete("configmaps", "a", {"preconditions": {"uid": other}}).code == 409
    cluster.patch("configmaps", "a", {"data": {"k": "1"}})
    old = made["metadata"]["resourceVersion"]
    assert cluster.delete("configmaps", "a", {"preconditions": {"resourceVersion": old}}).code == 409
    assert cluster.delete("configmaps", "a", {"preconditions": {"uid": made["metadata"]["uid"]}}).code == 200


def test_dependents_of_a_dead_owner_are_collected(cluster: Client) -> None:
    parent = cluster.create("configmaps", config_map("parent", {})).body
    cluster.create("configmaps", config_map("child", {}, ownerReferences=[owner(parent)]))
    cluster.delete("configmaps", "parent")
    cluster.eventually(lambda: cluster.get("configmaps", "child").code == 404)


def test_an_object_whose_owner_never_lived_is_collected(cluster: Client) -> None:
    dead = {"apiVersion": "v1", "kind": "ConfigMap", "name": "ghost", "uid": "00000000-0000-0000-0000-000000000000"}
    cluster.create("configmaps", config_map("child", {}, ownerReferences=[dead]))
    cluster.eventually(lambda: cluster.get("configmaps", "child").code == 404)


def test_a_foreground_delete_waits_for_its_dependents(cluster: Client) -> None:
    parent = cluster.create("configmaps", config_map("parent", {})).body
    reference = {**owner(parent), "blockOwnerDeletion": True}
    cluster.create("configmaps", config_map("child", {}, ownerReferences=[reference], finalizers=["example.com/hold"]))
    answer = cluster.delete("configmaps", "parent", {"propagationPolicy": "Foreground"})
    assert answer["metadata"]["finalizers"] == ["foregroundDeletion"]
    cluster.eventually(lambda: cluster.get("configmaps", "child")["metadata"].get("deletionTimestamp"))
    assert cluster.get("configmaps", "parent").code == 200
    cluster.patch("configmaps", "child", {"metadata": {"finalizers": None}})
    cluster.eventually(lambda: cluster.get("configmaps", "parent").code == 404)


def test_an_orphan_delete_leaves_dependents_without_owner(cluster: Client) -> None:
    parent = cluster.create("configmaps", config_map("parent", {})).body
    cluster.create("configmaps", config_map("child", {}, ownerReferences=[owner(parent)]))
    cluster.delete("configmaps", "parent", {"propagationPolicy": "Orphan"})
    cluster.eventually(lambda: cluster.get("configmaps", "parent").code == 404)
    assert "ownerReferences" not in cluster.get("configmaps", "child")["metadata"]


def test_an_orphaned_replica_set_is_adopted_again(cluster: Client) -> None:
    made = cluster.create("deployments", deployment("a", replicas=1)).body
    before = cluster.eventually(lambda: cluster.list("replicasets")["items"])[0]
    cluster.delete("deployments", "a", {"propagationPolicy": "Orphan"})
    cluster.eventually(lambda: cluster.get("deployments", "a").code == 404)
    again = cluster.create("deployments", snapshot(made)).body

    def adopted() -> bool:
        owners = cluster.get("replicasets", before["metadata"]["name"])["metadata"].get("ownerReferences") or [{}]
        return bool(owners[0].get("uid") == again["metadata"]["uid"])

    cluster.eventually(adopted)
    assert [each["metadata"]["uid"] for each in cluster.list("replicasets")["items"]] == [before["metadata"]["uid"]]


def test_a_service_gets_its_address_back_only_if_free(cluster: Client) -> None:
    made = cluster.create("services", service("a")).body
    cluster.delete("services", "a")
    again = cluster.create("services", snapshot(made)).body
    assert again["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    taken = snapshot(made)
    taken["metadata"]["name"] = "b"
    answer = cluster.create("services", taken)
    assert (answer.code, answer.causes) == (422, {("spec.clusterIPs", "FieldValueInvalid")})


def test_a_node_port_comes_back_only_if_free(cluster: Client) -> None:
    made = cluster.create("services", service("a", type="NodePort")).body
    taken = service("b", type="NodePort", ports=[{"port": 80, "nodePort": made["spec"]["ports"][0]["nodePort"]}])
    answer = cluster.create("services", taken)
    assert (answer.code, answer.causes) == (422, {("spec.ports[0].nodePort", "FieldValueInvalid")})


def test_a_jobs_generated_selector_must_be_stripped(cluster: Client) -> None:
    made = cluster.create("jobs", job("a")).body
    assert made["spec"]["selector"]["matchLabels"]
    cluster.delete("jobs", "a", {"propagationPolicy": "Background"})
    cluster.eventually(lambda: cluster.get("jobs", "a").code == 404)
    again = snapshot(made)
    assert cluster.create("jobs", again).code == 422
    again["spec"].pop("selector")
    again["spec"]["template"]["metadata"].pop("labels")
    again["metadata"].pop("labels", None)
    assert cluster.create("jobs", again).code == 201


def test_a_job_is_orphaned_unless_told_otherwise(cluster: Client) -> None:
    cluster.create("jobs", job("a"))
    answer = cluster.delete("jobs", "a")
    assert answer["metadata"]["finalizers"] == ["orphan"]


def test_a_deletion_cannot_be_taken_back(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("a", {}, finalizers=["example.com/hold"])).body
    cluster.delete("configmaps", "a")
    now = cluster.get("configmaps", "a").body
    assert now["metadata"]["deletionTimestamp"]
    assert cluster.create("configmaps", snapshot(made)).reason == "AlreadyExists"
    more = {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}
    answer = cluster.patch("configmaps", "a", more)
    assert (answer.code, answer.causes) == (422, {("metadata.finalizers", "FieldValueForbidden")})
    now["metadata"].pop("deletionTimestamp")
    now["metadata"].pop("deletionGracePeriodSeconds", None)
    kept = cluster.put("configmaps", now)
    assert kept.code == 200
    assert kept["metadata"]["deletionTimestamp"]
    cluster.patch("configmaps", "a", {"metadata": {"finalizers": None}})
    assert cluster.get("configmaps", "a").code == 404


def test_a_claim_in_use_lingers(cluster: Client) -> None:
    made = cluster.create("persistentvolumeclaims", claim("a")).body
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    answer = cluster.delete("persistentvolumeclaims", "a")
    assert answer["kind"] == "PersistentVolumeClaim"
    cluster.eventually(lambda: cluster.get("persistentvolumeclaims", "a").code == 404)


def test_a_scheduled_pod_is_given_grace_and_a_pending_one_is_not(cluster: Client) -> None:
    cluster.create("pods", pod("pending"))
    assert cluster.delete("pods", "pending").code == 200
    assert cluster.get("pods", "pending").code == 404
    spec = {**pod_spec(), "terminationGracePeriodSeconds": 2, "nodeName": "nowhere"}
    cluster.create("pods", pod("placed", spec))
    answer = cluster.delete("pods", "placed")
    assert answer["metadata"]["deletionGracePeriodSeconds"] == 2
    assert cluster.delete("pods", "placed", {"gracePeriodSeconds": 0}).code == 200
    cluster.eventually(lambda: cluster.get("pods", "placed").code == 404)


def test_a_namespace_takes_nothing_new_while_it_goes(cluster: Client) -> None:
    cluster.create("configmaps", config_map("a", {}, finalizers=["example.com/hold"]))
    answer = cluster.delete("namespaces", cluster.namespace)
    assert answer["status"]["phase"] == "Terminating"
    refused = cluster.create("configmaps", config_map("b", {}))
    assert (refused.code, refused.reason) == (403, "Forbidden")
    assert ("metadata.namespace", "NamespaceTerminating") in refused.causes
    cluster.patch("configmaps", "a", {"metadata": {"finalizers": None}})
    cluster.eventually(lambda: cluster.get("namespaces", cluster.namespace).code == 404)


def test_the_default_namespace_stays(cluster: Client) -> None:
    assert cluster.delete("namespaces", "default").code == 403


def test_nothing_is_created_in_an_absent_namespace(cluster: Client) -> None:
    answer = cluster.request("POST", "/api/v1/namespaces/absent/configmaps", config_map("a", {}))
    assert (answer.code, answer.reason) == (404, "NotFound")
    assert answer["details"] == {"name": "absent", "kind": "namespaces"}


def test_delete_collection_takes_what_the_selector_selects(cluster: Client) -> None:
    cluster.create("configmaps", config_map("a", {}, labels={"go": "yes"}))
    cluster.create("configmaps", config_map("b", {}))
    answer = cluster.request("DELETE", cluster.path("configmaps"), labelSelector="go=yes")
    assert answer.code == 200
    assert cluster.get("configmaps", "a").code == 404
    assert cluster.get("configmaps", "b").code == 200


def test_a_budget_blocks_eviction_but_not_deletion(cluster: Client) -> None:
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}}
    cluster.create("poddisruptionbudgets", budget)
    cluster.create("deployments", deployment("a", replicas=1, spec=pod_spec()))

    def ready() -> Any:
        pods = cluster.list("pods", labelSelector="app=a")["items"]
        status = cluster.get("poddisruptionbudgets", "b")["status"]
        return pods if pods and status.get("currentHealthy") == 1 else None

    name = cluster.eventually(ready)[0]["metadata"]["name"]
    version = cluster.api_version("poddisruptionbudgets")
    eviction = {"apiVersion": version, "kind": "Eviction", "metadata": {"name": name}}
    answer = cluster.request("POST", cluster.path("pods", name, "eviction"), eviction)
    assert (answer.code, answer.reason) == (429, "TooManyRequests")
    assert answer.causes == {("", "DisruptionBudget")}
    assert cluster.delete("pods", name).code == 200


def test_a_quota_refuses_the_pod_not_the_deployment(cluster: Client) -> None:
    cluster.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}})
    cluster.eventually(lambda: cluster.get("resourcequotas", "q")["status"].get("hard"))
    answer = cluster.create("pods", pod("a"))
    assert (answer.code, answer.reason) == (403, "Forbidden")
    assert "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0" in answer["message"]
    assert cluster.create("deployments", deployment("a", replicas=1)).code == 201

    def failed() -> Any:
        events = cluster.list("events")["items"]
        return [each for each in events if each["reason"] == "FailedCreate"]

    event = cluster.eventually(failed)[0]
    assert event["involvedObject"]["kind"] == "ReplicaSet"
    assert "exceeded quota" in event["message"]


def test_a_quota_on_compute_wants_every_container_to_say(cluster: Client) -> None:
    cluster.create("resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"limits.memory": "1Gi"}}})
    cluster.eventually(lambda: cluster.get("resourcequotas", "q")["status"].get("hard"))
    answer = cluster.create("pods", pod("a"))
    assert (answer.code, "failed quota: q: must specify limits.memory" in answer["message"]) == (403, True)
    spec = pod_spec(nodeSelector={"no": "where"})
    spec["containers"][0]["resources"] = {"limits": {"memory": "2Gi"}}
    assert "exceeded quota" in cluster.create("pods", pod("a", spec))["message"]
    spec["containers"][0]["resources"] = {"limits": {"memory": "1Gi"}}
    assert cluster.create("pods", pod("a", spec)).code == 201


def test_a_limit_range_rewrites_and_refuses_pods(cluster: Client) -> None:
    item = {
        "type": "Container",
        "default": {"memory": "64Mi"},
        "defaultRequest": {"memory": "32Mi"},
        "max": {"memory": "128Mi"},
    }
    cluster.create("limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [item]}})
    wanted = {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}}

    def rewritten() -> Any:
        made = cluster.create("pods", pod("a"), dryRun="All").body
        return made if made["spec"]["containers"][0]["resources"] == wanted else None

    assert "kubernetes.io/limit-ranger" in cluster.eventually(rewritten)["metadata"]["annotations"]
    spec = pod_spec()
    spec["containers"][0]["resources"] = {"limits": {"memory": "1Gi"}}
    answer = cluster.create("pods", pod("b", spec))
    assert (answer.code, answer.reason) == (403, "Forbidden")
    assert "maximum memory usage per Container is 128Mi, but limit is 1Gi" in answer["message"]


def test_a_pod_of_a_missing_service_account_is_forbidden(cluster: Client) -> None:
    answer = cluster.create("pods", pod("a", pod_spec(serviceAccountName="absent")))
    assert (answer.code, answer.reason) == (403, "Forbidden")
    assert 'serviceaccount "absent" not found' in answer["message"]


def test_a_pod_of_a_missing_priority_class_is_forbidden(cluster: Client) -> None:
    answer = cluster.create("pods", pod("a", pod_spec(priorityClassName="absent")))
    assert (answer.code, answer["message"]) == (
        403,
        'pods "a" is forbidden: no PriorityClass with name absent was found',
    )


def test_a_webhook_that_cannot_be_reached_fails_closed_or_open(cluster: Client) -> None:
    label = {"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace, "conformance": cluster.namespace}}
    cluster.patch("namespaces", cluster.namespace, {"metadata": {"labels": label["matchLabels"]}})
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    hook = {
        "name": "hook.example.com", "rules": [rule], "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"name": "absent", "namespace": cluster.namespace}}, "namespaceSelector": label,
        "timeoutSeconds": 1,
    }  # fmt: skip
    name = cluster.namespace
    try:
        assert (
            cluster.create("validatingwebhookconfigurations", {"metadata": {"name": name}, "webhooks": [hook]}).code
            == 201
        )
        refused = cluster.eventually(
            lambda: (a := cluster.create("configmaps", config_map("a", {}), dryRun="All")).code == 500 and a
        )
        assert refused.reason == "InternalError"
        assert 'failed calling webhook "hook.example.com"' in refused["message"]
        hook["failurePolicy"] = "Ignore"
        change = {"webhooks": [hook]}
        cluster.patch("validatingwebhookconfigurations", name, change)
        cluster.eventually(lambda: cluster.create("configmaps", config_map("a", {}), dryRun="All").code == 201)
    finally:
        cluster.delete("validatingwebhookconfigurations", name)
