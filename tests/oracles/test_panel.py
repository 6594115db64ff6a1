"""One moment for all judges: what is blind, crashed, weighted, confirmed and shown."""

from __future__ import annotations

import pytest

from stratus.domain.errors import Refused, Retryable
from stratus.domain.objects import Subject
from stratus.domain.severity import Finding, Observation, OracleState
from stratus.oracles import Confirm, OracleSettings, Panel
from stratus.oracles.debounce import Debounce
from stratus.oracles.judge import blind, finding, observed
from stratus.oracles.world import CLUSTERED, NAMESPACED
from stratus.testing.clock import START, FakeClock
from stratus.testing.kube import app, kube, namespace, node, terminating, waiting
from stratus.testing.oracles import DictReader, ScriptedOracle
from tests.oracles.support import cluster, found, observe, panel, reading

GEO = Subject(kind="Deployment", namespace="hotel", name="geo")


def broken() -> DictReader:
    made = app("geo", replicas=2)
    waiting(made.pods[1], "ErrImagePull")
    return cluster(made)


async def test_one_look_lists_each_kind_once() -> None:
    reader = cluster(app("geo"), app("search"))
    await panel(reader).observe()
    assert sorted(reader.lists) == sorted([(kind, "hotel") for kind in NAMESPACED] + [(kind, "") for kind in CLUSTERED])


async def test_without_namespaces_everything_but_kubes_own_is_in_scope() -> None:
    system = app("dns", namespace="kube-system")
    other = app("web", namespace="shop")
    for made in (system, other):
        made.deployment["metadata"]["generation"] = 2
    reader = DictReader(namespace(), namespace("kube-system"), node(), *system.objects, *other.objects)
    watch = Panel(reader, FakeClock())
    seen = await watch.observe()
    assert {subject.path for subject in seen.moving} == {"shop/deployment/web"}
    assert [row.subject.namespace for row in watch.rows()] == ["shop"]


async def test_an_api_server_that_does_not_answer_is_a_crash() -> None:
    reader = cluster(app("geo"))
    reader.failures = dict.fromkeys([*NAMESPACED, *CLUSTERED, "Namespace"], Retryable("connection refused"))
    seen = await panel(reader).observe()
    assert seen.crashed and seen.severity == float("inf") and "workloads" in seen.blind


async def test_a_scoped_namespace_that_is_gone_is_a_crash() -> None:
    reader = cluster(app("geo"))
    reader.remove(namespace())
    assert (await panel(reader).observe()).crashed


async def test_a_scoped_namespace_that_is_being_deleted_is_a_crash() -> None:
    reader = cluster(app("geo"), terminating(namespace(), START))
    assert (await panel(reader).observe()).crashed


@pytest.mark.parametrize(
    "kind, oracles",
    [
        ("Pod", {"workloads", "services", "nodes"}),
        ("Endpoints", {"services"}),
        ("Node", {"nodes"}),
        ("ValidatingWebhookConfiguration", {"admission"}),
        ("ReplicaSet", {"workloads", "services"}),
    ],
)
async def test_a_missing_permission_blinds_those_who_need_it_and_is_named(kind: str, oracles: set[str]) -> None:
    reader = cluster(app("geo"))
    reader.failures[kind] = Refused("forbidden", status=403)
    seen = await panel(reader).observe()
    assert not seen.crashed and oracles <= set(seen.blind) and seen.severity == float("inf")
    plural = (NAMESPACED | CLUSTERED)[kind][1]
    note = reading(seen, next(iter(oracles))).note
    assert note.startswith(f"permission missing: list {plural} in ")


async def test_a_list_that_fails_blinds_and_does_not_crash() -> None:
    reader = cluster(app("geo"))
    reader.failures["Pod"] = Retryable("etcd is busy")
    seen = await panel(reader).observe()
    assert "workloads" in seen.blind and not seen.crashed


async def test_an_object_that_nobody_foresaw_blinds_and_does_not_stop_the_watch() -> None:
    strange = kube("Deployment", "odd", api_version="apps/v1")  # without a spec
    seen = await observe(strange)
    assert "workloads" in seen.blind and "internal error" in reading(seen, "workloads").note


async def test_judges_that_are_turned_off_read_nothing() -> None:
    reader = cluster(app("geo"))
    seen = await panel(reader, nodes=False, admission=False).observe()
    assert not {"Node", "ValidatingWebhookConfiguration"} & {kind for kind, _ in reader.lists}
    assert {reading(seen, name).state for name in ("nodes", "admission")} == {OracleState.OFF}


async def test_names_are_those_of_the_readings() -> None:
    watch = Panel(cluster(), FakeClock(), OracleSettings(nodes=False), more=(ScriptedOracle("extra"),))
    assert tuple(each.oracle for each in (await watch.observe()).readings) == watch.names


async def test_further_oracles_are_read_beside_the_others() -> None:
    extra = ScriptedOracle("extra", (finding("extra", GEO, "AlertCritical"),), OracleState.BLIND)
    watch = Panel(cluster(), FakeClock(), more=(extra,))
    assert found(await watch.observe(), "extra") == {("deployment/geo", "AlertCritical")}
    assert "extra" in (await watch.observe()).blind


async def test_weights_can_be_changed_and_zero_is_no_finding() -> None:
    assert (await panel(broken()).observe()).severity == 1
    assert (await panel(broken(), weights={"Degraded": 2.5}).observe()).severity == 2.5
    assert not (await panel(broken(), weights={"Degraded": 0}).observe()).findings


async def test_what_the_operator_ignores_is_no_finding() -> None:
    assert not (await panel(broken(), ignore=("hotel/deployment/g*",)).observe()).findings


async def test_rows_for_the_screens() -> None:
    watch = panel(broken())
    await watch.observe()
    row = watch.rows()[0]
    assert (row.subject, row.ready, row.desired, row.state, row.note) == (GEO, 1, 2, "degraded", "ErrImagePull")


# --- nodes and webhooks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "made, reason",
    [
        (node(ready="False"), "NodeNotReady"),
        (node(ready="Unknown"), "NodeNotReady"),
        (node(MemoryPressure="True"), "NodePressure"),
        (node(DiskPressure="True", PIDPressure="True"), "NodePressure"),
    ],
)
async def test_a_sick_node(made: dict, reason: str) -> None:  # type: ignore[type-arg]
    assert found(await observe(app("geo"), made)) == {("node/node-1", reason)}


async def test_a_cordoned_node_is_somebodys_decision() -> None:
    made = node()
    made["spec"]["unschedulable"] = True
    assert not (await observe(app("geo"), made)).findings


async def test_a_node_without_pods_in_scope_is_not_our_concern() -> None:
    other = node("node-2", ready="False")
    assert not (await observe(app("geo"), other)).findings
    watch = Panel(cluster(app("geo"), other), FakeClock())
    assert found(await watch.observe()) == {("node/node-2", "NodeNotReady")}


def webhook(**changes: object) -> dict:  # type: ignore[type-arg]
    hook = {
        "name": "pods.policy",
        "failurePolicy": "Fail",
        "clientConfig": {"service": {"namespace": "policy", "name": "policy"}},
    }
    return kube("ValidatingWebhookConfiguration", "policy", namespace="", webhooks=[hook | changes])


UNREACHABLE = {("validatingwebhookconfiguration/policy", "WebhookUnreachable")}


async def test_a_webhook_whose_service_is_not_there_fails_closed() -> None:
    assert found(await observe(webhook())) == UNREACHABLE


async def test_a_webhook_whose_service_has_no_endpoint_fails_closed() -> None:
    assert found(await observe(webhook(), kube("Endpoints", "policy", namespace="policy", subsets=[]))) == UNREACHABLE


@pytest.mark.parametrize(
    "changes",
    [
        {"failurePolicy": "Ignore"},
        {"clientConfig": {"url": "https://policy.example.com"}},
        {"namespaceSelector": {"matchLabels": {"policy": "on"}}},
        {"namespaceSelector": {"matchExpressions": [{"key": "policy", "operator": "Exists"}]}},
    ],
)
async def test_a_webhook_that_cannot_refuse_us(changes: dict) -> None:  # type: ignore[type-arg]
    assert not (await observe(webhook(**changes))).findings


async def test_a_webhook_that_is_served() -> None:
    endpoints = kube("Endpoints", "policy", namespace="policy", subsets=[{"addresses": [{"ip": "10.0.0.1"}]}])
    assert not (await observe(webhook(), endpoints)).findings


# --- what may open an incident ----------------------------------------------------------------------------------------


def seeing(*findings: Finding, stuck: tuple[Subject, ...] = ()) -> Observation:
    return Observation(readings=(observed("o", findings, stuck=stuck),))


SICK = finding("o", GEO, "Degraded")


def test_a_finding_counts_after_enough_looks_over_enough_time() -> None:
    debounce = Debounce(Confirm(looks=2, seconds=3))
    assert debounce.confirmed(seeing(SICK), 0) == ()
    assert debounce.confirmed(seeing(SICK), 1) == (), "two looks, but within a second"
    assert debounce.confirmed(seeing(SICK), 3) == (SICK,)


def test_time_alone_is_not_enough() -> None:
    debounce = Debounce(Confirm(looks=3, seconds=0))
    assert debounce.confirmed(seeing(SICK), 0) == debounce.confirmed(seeing(SICK), 100) == ()


def test_a_finding_that_went_starts_again() -> None:
    debounce = Debounce(Confirm(looks=2, seconds=3))
    debounce.confirmed(seeing(SICK), 0)
    debounce.confirmed(seeing(), 2)
    assert debounce.confirmed(seeing(SICK), 4) == ()


def test_what_is_stuck_counts_at_once() -> None:
    assert Debounce(Confirm()).confirmed(seeing(SICK, stuck=(GEO,)), 0) == (SICK,)


def test_a_blind_look_neither_confirms_nor_forgets() -> None:
    debounce = Debounce(Confirm(looks=2, seconds=3))
    debounce.confirmed(seeing(SICK), 0)
    assert debounce.confirmed(Observation(readings=(blind("o", "gone"),)), 5) == ()
    assert debounce.confirmed(seeing(SICK), 6) == (SICK,)


def test_a_crash_confirms_nothing() -> None:
    debounce = Debounce(Confirm(looks=1, seconds=0))
    assert debounce.confirmed(seeing(SICK).model_copy(update={"crashed": True}), 0) == ()


async def test_the_panel_counts_with_its_own_clock() -> None:
    clock, made = FakeClock(), app("geo")
    made.service["spec"]["selector"]["x"] = "y"
    made.endpoints["subsets"] = []
    watch = panel(cluster(made), clock)
    assert watch.confirmed(await watch.observe()) == ()
    await clock.sleep(4)
    assert [f.reason for f in watch.confirmed(await watch.observe())] == ["NoReadyEndpoints"]
