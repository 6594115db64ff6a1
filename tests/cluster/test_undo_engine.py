"""What a hostile reviewer tried on a real cluster and found wanting, through the whole engine on the embedded one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Refused
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, DeleteStep, PatchStep, ReplaceStep, ScaleStep, Step
from stratus.engine.undoing import WRITES_AT_MOST
from stratus.ports import Precondition
from stratus.sandbox.cluster import EmbeddedCluster
from tests.cluster.acting import Acting, acting
from tests.cluster.conftest import Cluster, deployment, in_process

CONFIG: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"a": "1"}}
BUDGET: JsonObject = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "web"},
    "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
}


@pytest.fixture
async def cluster(embedded: EmbeddedCluster, request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """A namespace of the embedded cluster."""
    made = in_process(embedded, f"room-{abs(hash(request.node.name)) % 10**8}")
    home = ObjectRef(api_version="v1", kind="Namespace", name=made.namespace)
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.namespace}}
    await made.writer.send(CreateStep(target=home, manifest=manifest), Precondition())
    await made.wait(1)
    yield made
    await made.writer.send(DeleteStep(target=home), Precondition())


@pytest.fixture
async def person(cluster: Cluster, embedded: EmbeddedCluster) -> Acting:
    """An engine and who uses it."""
    return await acting(cluster, embedded)


def merge(obj: JsonObject, patch: Any, subresource: str = "") -> Step:
    """A merge patch."""
    return PatchStep(target=ObjectRef.of(obj), patch_type="merge", patch=patch, subresource=subresource)


async def theirs(cluster: Cluster, step: Step) -> None:
    """Somebody else writes."""
    await cluster.writer.send(step, Precondition())


async def test_fields_that_exclude_each_other_are_one_value(cluster: Cluster, person: Acting) -> None:
    budget = await cluster.create(BUDGET)
    change = {"metadata": {"labels": {"x": "1"}}, "spec": {"minAvailable": None, "maxUnavailable": "50%"}}
    done = await person.do(merge(budget, change))
    await theirs(cluster, merge(budget, {"spec": {"maxUnavailable": "30%"}}))
    assert (await person.undo(done)).outcome == "diverged"
    live = await cluster.reader.get(ObjectRef.of(budget))
    assert live["spec"] == {"selector": BUDGET["spec"]["selector"], "maxUnavailable": "30%"}
    assert "labels" not in live["metadata"]
    assert sorted(path.rpartition(": ")[2] for path in person.lost(done)) == [
        "spec.maxUnavailable",
        "spec.minAvailable",
    ]


async def test_what_the_server_refuses_to_restore_is_named_by_field_and_reason(
    cluster: Cluster, person: Acting
) -> None:
    config = await cluster.create(CONFIG)
    done = await person.do(merge(config, {"data": {"a": "2"}, "immutable": True}), irreversible=True)
    assert (await person.undo(done)).outcome == "diverged"
    path = ObjectRef.of(config).path
    assert person.lost(done)[:2] == (f"{path}: data.a", f"{path}: immutable")
    assert "immutable" in person.lost(done)[2]


def _child(name: str, *owners: JsonObject) -> JsonObject:
    references = [
        {"apiVersion": o["apiVersion"], "kind": o["kind"], "name": o["metadata"]["name"], "uid": o["metadata"]["uid"]}
        for o in owners
    ]
    return {**CONFIG, "metadata": {"name": name, "ownerReferences": references}}


@pytest.mark.parametrize("propagation", ["Orphan", "Background"])
async def test_who_lives_on_without_an_owner_finds_it_again(propagation: Any, cluster: Cluster, person: Acting) -> None:
    one, two = [await cluster.create({**CONFIG, "metadata": {"name": name}}) for name in ("one", "two")]
    shared = await cluster.create(_child("shared", one, two))
    only = await cluster.create(_child("only", one))
    done = await person.do(DeleteStep(target=ObjectRef.of(one), propagation=propagation))
    await cluster.wait(5)
    assert (await person.undo(done)).outcome == "restored", person.lost(done)
    again = await cluster.reader.get(ObjectRef.of(one))
    assert again["metadata"]["uid"] != one["metadata"]["uid"]
    for child, owners in ((shared, {"one", "two"}), (only, {"one"})):
        found = (await cluster.reader.get(ObjectRef.of(child)))["metadata"]
        uids = {ref["name"]: ref["uid"] for ref in found["ownerReferences"]}
        assert uids.keys() == owners
        assert uids["one"] == again["metadata"]["uid"]
        assert (found["uid"] == child["metadata"]["uid"]) is (child is shared or propagation == "Orphan")


async def test_an_orphan_that_somebody_deleted_since_stays_deleted(cluster: Cluster, person: Acting) -> None:
    owner = await cluster.create(CONFIG)
    child = await cluster.create(_child("child", owner))
    done = await person.do(DeleteStep(target=ObjectRef.of(owner), propagation="Orphan"))
    await theirs(cluster, DeleteStep(target=ObjectRef.of(child)))
    assert (await person.undo(done)).outcome == "diverged"
    with pytest.raises(Absent):
        await cluster.reader.get(ObjectRef.of(child))
    assert person.lost(done) == (f"{ObjectRef.of(child).path}: metadata.name",)


async def test_what_a_new_autoscaler_scaled_gets_its_replicas_back(cluster: Cluster, person: Acting) -> None:
    web = await cluster.create(deployment(replicas=1))
    await cluster.wait(10)
    scaler: JsonObject = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": cluster.namespace},
        "spec": {
            "minReplicas": 2,
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }
    done = await person.do(CreateStep(target=ObjectRef.of(scaler), manifest=scaler))
    await theirs(cluster, ScaleStep(target=ObjectRef.of(web), replicas=2))  # what its controller does
    scaled = {"lastScaleTime": "2026-01-01T00:00:00Z", "currentReplicas": 1, "desiredReplicas": 2}
    await theirs(cluster, merge(scaler, {"status": scaled}, "status"))
    assert (await person.undo(done)).outcome == "restored"
    assert (await cluster.reader.get(ObjectRef.of(web)))["spec"]["replicas"] == 1


async def test_endpoints_that_a_person_wrote_come_back_with_their_service(cluster: Cluster, person: Acting) -> None:
    service = await cluster.create(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}, "spec": {"ports": [{"port": 5432}]}}
    )
    subsets = [{"addresses": [{"ip": "10.9.8.7"}], "ports": [{"port": 5432, "protocol": "TCP"}]}]
    endpoints = await cluster.create(
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "db"}, "subsets": subsets}
    )
    done = await person.do(DeleteStep(target=ObjectRef.of(service)))
    if await person.engine.reader.list("Endpoints", cluster.namespace):
        await theirs(cluster, DeleteStep(target=ObjectRef.of(endpoints)))  # what its controller does
    assert (await person.undo(done)).outcome == "restored", person.lost(done)
    assert (await cluster.reader.get(ObjectRef.of(endpoints)))["subsets"] == subsets


@pytest.mark.parametrize("subject", ["lease", "its namespace"])
async def test_nobody_takes_the_writers_lease_away(subject: str, cluster: Cluster, person: Acting) -> None:
    lease = ObjectRef(
        api_version="coordination.k8s.io/v1", kind="Lease", namespace=cluster.namespace, name="stratus-writer"
    )
    home = ObjectRef(api_version="v1", kind="Namespace", name=cluster.namespace)
    done = await person.do(DeleteStep(target=lease if subject == "lease" else home), irreversible=True)
    assert (done.outcome, done.writes) == ("refused", 0)
    assert "the writer's lease is there" in done.reason
    await cluster.reader.get(lease)


async def test_a_new_owner_that_does_not_exist_is_refused(cluster: Cluster, person: Acting) -> None:
    config = await cluster.create(CONFIG)
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "nobody",
        "uid": "11111111-1111-1111-1111-111111111111",
    }
    done = await person.do(merge(config, {"metadata": {"ownerReferences": [reference]}}))
    assert (done.outcome, done.writes) == ("refused", 0)
    assert "does not exist" in done.reason


async def test_a_delete_that_has_no_undo_is_never_called_restored(cluster: Cluster, person: Acting) -> None:
    claim = await cluster.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    )
    done = await person.do(DeleteStep(target=ObjectRef.of(claim)), irreversible=True)
    assert (await person.undo(done)).outcome == "diverged"
    assert "its volume may be erased" in person.lost(done)[0]


@pytest.mark.parametrize("lived_in", [False, True])
async def test_a_namespace_that_others_live_in_is_not_deleted_again(
    lived_in: bool, cluster: Cluster, person: Acting
) -> None:
    name = f"{cluster.namespace}-new"
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    inside = ObjectRef(api_version="v1", kind="ConfigMap", namespace=name, name="web")
    done = await person.do(CreateStep(target=ObjectRef.of(home), manifest=home), irreversible=True)
    if lived_in:
        await theirs(
            cluster, CreateStep(target=inside, manifest={**CONFIG, "metadata": {"name": "web", "namespace": name}})
        )
    assert (await person.undo(done)).outcome == ("diverged" if lived_in else "restored"), person.lost(done)
    if lived_in:
        assert person.lost(done)[-1] == f"namespace/{name}: {inside.path} would be deleted with it"
        await cluster.reader.get(inside)
        await theirs(cluster, DeleteStep(target=ObjectRef.of(home)))


async def test_what_a_transaction_made_in_its_new_namespace_is_nobody_elses(cluster: Cluster, person: Acting) -> None:
    name = f"{cluster.namespace}-new"
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    web = deployment(replicas=1)
    web["metadata"]["namespace"] = name
    done = await person.do(
        CreateStep(target=ObjectRef.of(home), manifest=home),
        CreateStep(target=ObjectRef.of(web), manifest=web),
        irreversible=True,
    )
    assert (await person.undo(done)).outcome == "restored", person.lost(done)


DEFINITION: JsonObject = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "spec": {
        "scope": "Namespaced",
        "names": {"plural": "rocks", "singular": "rock", "kind": "Rock"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture(params=[False, True], ids=["a field", "a subresource"])
async def rock(request: pytest.FixtureRequest, cluster: Cluster) -> AsyncIterator[tuple[JsonObject, str]]:
    """A custom resource, and the subresource through which its status is written."""
    group = f"{cluster.namespace}.example.com"
    definition = {**DEFINITION, "metadata": {"name": f"rocks.{group}"}, "spec": {**DEFINITION["spec"], "group": group}}
    if request.param:
        version = {**DEFINITION["spec"]["versions"][0], "subresources": {"status": {}}}
        definition["spec"]["versions"] = [version]
    await theirs(cluster, CreateStep(target=ObjectRef.of(definition), manifest=definition))
    await cluster.wait(2)
    made = await cluster.create(
        {"apiVersion": f"{group}/v1", "kind": "Rock", "metadata": {"name": "r"}, "status": {"s": 1}}
    )
    yield made, "status" if request.param else ""
    await theirs(cluster, DeleteStep(target=ObjectRef.of(definition)))


async def test_a_status_is_restored_where_it_is_a_field_and_never_claimed_elsewhere(
    rock: tuple[JsonObject, str], cluster: Cluster, person: Acting
) -> None:
    made, subresource = rock
    done = await person.do(merge(made, {"status": {"s": 2}}, subresource), irreversible=True)
    undone = await person.undo(done)
    live = await cluster.reader.get(ObjectRef.of(made))
    assert (undone.outcome, live["status"]) == (("diverged", {"s": 2}) if subresource else ("restored", {"s": 1}))


@pytest.mark.parametrize(
    ("verb", "kind"), [("create", "ReplicaSet"), ("update", "ConfigMap")], ids=["rollout history", "orphans"]
)
async def test_the_permission_to_restore_what_goes_along_is_asked_for(
    verb: str, kind: str, cluster: Cluster, person: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "ReplicaSet":
        step = DeleteStep(target=ObjectRef.of(await cluster.create(deployment())))
        await cluster.wait(2)
    else:
        owner = await cluster.create(CONFIG)
        await cluster.create(_child("child", owner))
        step = DeleteStep(target=ObjectRef.of(owner), propagation="Orphan")

    async def can_i(asked: str, ref: ObjectRef, subresource: str = "") -> bool:
        return (asked, ref.kind) != (verb, kind)

    monkeypatch.setattr(cluster.reader, "can_i", can_i)
    done = await person.do(step)
    assert (done.outcome, done.writes) == ("refused", 0)
    assert f"the permission to {verb}" in done.reason


@pytest.mark.parametrize("change", ["delete", "rules", "labels"])
async def test_rights_that_could_not_be_granted_again_are_not_taken_away(
    change: str, cluster: Cluster, person: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["delete"]}]
    meta = {"name": "strong", "namespace": cluster.namespace}
    role = await cluster.create(
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta, "rules": rules}
    )
    send = cluster.dry.send

    async def escalation(step: Step, precondition: Precondition) -> JsonObject:
        if isinstance(step, CreateStep):
            raise Refused("user is attempting to grant RBAC permissions not currently held")
        return await send(step, precondition)

    monkeypatch.setattr(cluster.dry, "send", escalation)
    patch = {"rules": []} if change == "rules" else {"metadata": {"labels": {"a": "b"}}}
    done = await person.do(DeleteStep(target=ObjectRef.of(role)) if change == "delete" else merge(role, patch))
    assert done.outcome == ("committed" if change == "labels" else "refused"), done
    assert ("grant what this identity does not hold" in done.reason) is (change != "labels")


async def test_what_is_changed_again_at_once_is_given_up(
    cluster: Cluster, person: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = await cluster.create(CONFIG)
    done = await person.do(merge(config, {"data": {"a": "2"}}))
    send = cluster.writer.send

    async def admitted(step: Step, precondition: Precondition) -> JsonObject:
        if isinstance(step, ReplaceStep) and step.target.kind == "ConfigMap":
            step = step.model_copy(update={"manifest": {**step.manifest, "data": {"a": "2"}}})
        return await send(step, precondition)

    monkeypatch.setattr(cluster.writer, "send", admitted)
    before = person.engine.context.writer.sent
    assert (await person.undo(done)).outcome == "diverged"
    assert person.engine.context.writer.sent - before == WRITES_AT_MOST
    assert "changed again at once" in person.lost(done)[-1]
