"""Settled, moving, stuck: each row of the tables, over objects as the API server sends them."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta

import pytest

from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused
from stratus.oracles.pods import CAUSES
from stratus.testing.clock import START, FakeClock
from stratus.testing.kube import (
    App,
    app,
    crashed,
    kube,
    pod,
    pod_template,
    revision,
    stamp,
    terminating,
    unschedulable,
    waiting,
    warning,
)
from tests.oracles.support import cluster, found, observe, panel, paths, reading

JUST_NOW = START - timedelta(seconds=4)
A_WHILE_AGO = START - timedelta(minutes=5)


def failing(made: App) -> App:
    """The Deployment's status without a ready replica."""
    made.deployment["status"] = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "unavailableReplicas": 1}
    made.endpoints["subsets"] = []
    return made


def not_ready(target: JsonObject) -> JsonObject:
    target["status"]["conditions"][1]["status"] = "False"
    return target


def surge(made: App, broken: JsonObject) -> App:
    """A rolling update in progress: the old pod serves, ``broken`` is the new one."""
    newer = revision(made.deployment, 2, 1)
    reference = newer["metadata"]
    broken["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": reference["name"],
            "uid": reference["uid"],
            "controller": True,
        }
    ]
    made.more += [newer, broken]
    made.deployment["status"] |= {"replicas": 2, "updatedReplicas": 1, "unavailableReplicas": 1}
    return made


async def test_a_settled_application_has_no_finding_and_nothing_moves() -> None:
    seen = await observe(app("geo"), app("search", replicas=2))
    assert seen.severity == 0 and not seen.moving and not seen.stuck
    assert seen.observing >= {"workloads", "services", "nodes", "admission"}


WAITING = [row.name for row in CAUSES if row.seen_in == "container waiting" and row.name != "CrashLoopBackOff"]


@pytest.mark.parametrize("cause", WAITING)
async def test_a_container_that_can_never_start_is_stuck_and_unavailable(cause: str) -> None:
    made = failing(app("geo"))
    waiting(made.pods[0], cause, "for a reason")
    watch = panel(cluster(made))
    seen = await watch.observe()
    assert found(seen, "workloads") == {("deployment/geo", "Unavailable")}
    assert paths(seen.stuck) == {"deployment/geo"} and not seen.moving
    assert watch.rows()[0].state == "failed" and watch.rows()[0].note == f"{cause}: for a reason"


async def test_a_rollout_whose_new_pod_never_starts_is_stuck_while_the_old_one_serves() -> None:
    made = surge(app("geo"), waiting(pod("geo-2-0", template=pod_template("geo")), "ErrImagePull"))
    seen = await observe(made)
    assert found(seen) == {("deployment/geo", "RolloutStuck")} and paths(seen.stuck) == {"deployment/geo"}


def turned_away(target: JsonObject) -> JsonObject:
    """A pod that the kubelet did not admit."""
    words = {"reason": "SysctlForbidden", "message": 'forbidden sysctl: "net.core.somaxconn" not whitelisted'}
    target["status"] = {"phase": "Failed", **words}
    return target


@pytest.mark.parametrize("rejected, stuck", [(1, False), (2, True)])
async def test_pods_that_the_kubelet_rejects_again_and_again_are_stuck(rejected: int, stuck: bool) -> None:
    made = failing(app("geo"))
    made.pods = [turned_away(pod(f"geo-1-{n}", owner=made.replica_set)) for n in range(rejected)]
    alive = not_ready(pod("geo-1-next", owner=made.replica_set, created=JUST_NOW))
    alive["status"] |= {"phase": "Pending", "containerStatuses": []}
    made.pods.append(alive)
    seen = await observe(made)
    assert (paths(seen.stuck) == {"deployment/geo"}) is stuck
    assert (("deployment/geo", "Unavailable") in found(seen)) is stuck


async def test_pods_that_were_rejected_before_one_ran_are_history() -> None:
    made = app("geo")
    made.more += [turned_away(pod(f"geo-1-x{n}", owner=made.replica_set)) for n in range(3)]
    seen = await observe(made)
    assert not seen.findings and not seen.moving


async def test_a_rollout_that_only_needs_time_is_moving_and_no_finding() -> None:
    made = surge(app("geo"), not_ready(pod("geo-2-0", template=pod_template("geo"), created=JUST_NOW)))
    seen = await observe(made)
    assert not seen.findings and paths(seen.moving) == {"deployment/geo"}


async def test_the_controller_must_have_seen_the_latest_generation() -> None:
    made = app("geo")
    made.deployment["metadata"]["generation"] = 2
    seen = await observe(made)
    assert paths(seen.moving) == {"deployment/geo"}


async def test_an_unseen_generation_hides_what_the_old_pods_suffer() -> None:
    """The fix is written, its pods are not there yet: the old pods' failure says nothing about it."""
    made = failing(app("geo"))
    waiting(made.pods[0], "ErrImagePull")
    made.deployment["metadata"]["generation"] = 2
    assert paths((await observe(made)).moving) == {"deployment/geo"}


async def test_old_pods_must_be_gone() -> None:
    made = app("geo")
    made.more.append(terminating(pod("geo-0-0", owner=made.replica_set), START + timedelta(seconds=20)))
    assert paths((await observe(made)).moving) == {"deployment/geo"}


async def test_a_pod_that_outlives_its_grace_period_holds_nobody_up() -> None:
    made = app("geo")
    made.more.append(terminating(pod("geo-0-0", owner=made.replica_set), START - timedelta(minutes=2)))
    seen = await observe(made)
    assert not seen.moving and not seen.findings


@pytest.mark.parametrize("reason, cause", [("Error", "CrashLoopBackOff"), ("OOMKilled", "OOMKilled")])
async def test_a_crash_loop_is_stuck(reason: str, cause: str) -> None:
    made = failing(app("geo"))
    crashed(made.pods[0], reason=reason)
    watch = panel(cluster(made))
    seen = await watch.observe()
    assert found(seen, "workloads") == {("deployment/geo", "Unavailable")} and paths(seen.stuck) == {"deployment/geo"}
    assert watch.rows()[0].note.startswith(cause)


async def test_between_two_crashes_a_pod_that_says_ready_serves_nobody() -> None:
    made = app("geo")
    crashed(made.pods[0], running=True, ready=True, at=START - timedelta(seconds=1))
    seen = await observe(made)
    assert found(seen, "workloads") == {("deployment/geo", "Unavailable")}


async def test_a_pod_that_lives_a_while_between_its_crashes_is_restarting() -> None:
    made = app("geo")
    crashed(made.pods[0], running=True, ready=True, lived=20, at=START - timedelta(seconds=15), exit_code=137)
    seen = await observe(made)
    assert found(seen) == {("deployment/geo", "Restarting")} and paths(seen.stuck) == {"deployment/geo"}


async def test_a_pod_that_outlived_its_last_life_three_times_is_steady_again() -> None:
    made = app("geo")
    crashed(made.pods[0], running=True, ready=True, lived=20, at=START - timedelta(seconds=61))
    seen = await observe(made)
    assert not seen.findings and not seen.moving


async def test_one_restart_is_no_repeated_crash() -> None:
    made = app("geo")
    crashed(made.pods[0], restarts=1, running=True, ready=True)
    assert not (await observe(made)).findings


async def test_running_out_of_memory_counts_the_first_time() -> None:
    made = app("geo")
    crashed(made.pods[0], restarts=1, reason="OOMKilled", lived=15, running=True, ready=True)
    assert found(await observe(made)) == {("deployment/geo", "Restarting")}


@pytest.mark.parametrize("lived, waits", [(15, 30), (200, 60)])
async def test_a_new_pod_of_a_workload_that_crashed_must_outlive_the_crash(lived: int, waits: int) -> None:
    clock, made = FakeClock(), app("geo")
    crashed(made.pods[0], running=True, ready=True, lived=lived, at=START - timedelta(seconds=5))
    reader = cluster(made)
    watch = panel(reader, clock)
    assert found(await watch.observe()) == {("deployment/geo", "Restarting")}
    reader.remove(made.pods[0])
    reader.put(
        pod("geo-1-1", owner=made.replica_set, template=pod_template("geo"), created=START - timedelta(seconds=1))
    )
    seen = await watch.observe()
    assert paths(seen.moving) == {"deployment/geo"} and not seen.findings
    await clock.sleep(waits - 1)
    assert paths((await watch.observe()).moving) == {"deployment/geo"}
    await clock.sleep(1)
    seen = await watch.observe()
    assert not seen.moving and not seen.findings


async def test_a_crashed_pod_may_heal_when_something_it_needs_became_ready_and_its_next_start_is_near() -> None:
    store, caller = app("store"), failing(app("geo"))
    crashed(caller.pods[0], restarts=2, at=START - timedelta(seconds=8))
    store.pods[0]["metadata"]["creationTimestamp"] = stamp(START - timedelta(seconds=6))
    store.pods[0]["status"]["conditions"][1]["lastTransitionTime"] = stamp(START - timedelta(seconds=3))
    seen = await observe(store, caller)
    assert paths(seen.moving) == {"deployment/geo"} and not seen.stuck
    assert found(seen, "workloads") == {("deployment/geo", "Unavailable")}, "hope is no health"


@pytest.mark.parametrize("ago, moving", [(2, True), (30, False)])
async def test_a_pod_that_is_long_not_ready_may_heal_when_a_service_has_just_changed(ago: int, moving: bool) -> None:
    made = failing(app("geo"))
    not_ready(made.pods[0])
    store = app("store")
    store.service["metadata"]["managedFields"] = [{"time": stamp(START - timedelta(seconds=ago))}]
    seen = await observe(made, store)
    assert (paths(seen.moving) == {"deployment/geo"}) is moving
    assert found(seen) == {("deployment/geo", "Unavailable"), ("service/geo", "NoReadyEndpoints")}


@pytest.mark.parametrize("seconds, stuck", [(2, False), (6, True)])
async def test_a_pod_that_fits_no_node_is_stuck_after_a_few_seconds(seconds: int, stuck: bool) -> None:
    made = failing(app("geo"))
    since = START - timedelta(seconds=seconds)
    made.pods[0]["metadata"]["creationTimestamp"] = stamp(since)
    unschedulable(made.pods[0], "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity.", since)
    seen = await observe(made)
    assert (paths(seen.stuck) == {"deployment/geo"}) is stuck
    assert bool(found(seen, "workloads")) is stuck


QUOTA = 'pods "geo-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1'
WEBHOOK = 'Internal error occurred: failed calling webhook "pods.policy": service "policy" not found'


def refused(message: str) -> App:
    made = failing(app("geo"))
    made.pods.clear()
    made.replica_set["status"] = {"replicas": 0, "observedGeneration": 1}
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    made.replica_set["status"]["conditions"] = [failure]
    return made


async def test_a_quota_that_refuses_pods_is_found_beside_the_workload() -> None:
    seen = await observe(refused(QUOTA))
    assert found(seen, "workloads") == {("deployment/geo", "Unavailable"), ("resourcequota/small", "QuotaExceeded")}
    assert paths(seen.stuck) == {"deployment/geo"}


async def test_a_webhook_that_refuses_pods_makes_the_workload_stuck() -> None:
    seen = await observe(refused(WEBHOOK))
    assert found(seen, "workloads") == {("deployment/geo", "Unavailable")} and paths(seen.stuck) == {"deployment/geo"}


async def test_a_refusal_of_the_past_is_not_held_against_enough_pods() -> None:
    made = app("geo")
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": QUOTA}
    made.replica_set["status"]["conditions"] = [failure]
    assert not (await observe(made)).findings


def mounting(what: str = 'MountVolume.SetUp failed for volume "v" : configmap "settings" not found') -> App:
    made = failing(app("geo"))
    made.pods[0]["metadata"]["creationTimestamp"] = stamp(START - timedelta(seconds=10))
    waiting(made.pods[0], "ContainerCreating")
    made.more.append(warning(made.pods[0], "FailedMount", what))
    return made


async def test_a_missing_config_map_is_read_from_the_events_of_a_pod_that_does_not_start() -> None:
    watch = panel(cluster(mounting()))
    seen = await watch.observe()
    assert paths(seen.stuck) == {"deployment/geo"} and watch.rows()[0].note.startswith("FailedMount")


async def test_a_config_map_that_is_there_again_heals_by_waiting() -> None:
    seen = await observe(mounting(), kube("ConfigMap", "settings", data={}))
    assert paths(seen.moving) == {"deployment/geo"} and not seen.stuck
    assert ("deployment/geo", "Unavailable") in found(seen)


async def test_events_are_read_only_when_a_pod_is_silent() -> None:
    reader = cluster(app("geo"))
    await panel(reader).observe()
    assert "Event" not in {kind for kind, _ in reader.lists}


async def test_without_the_permission_for_events_a_silent_pod_makes_the_oracle_blind() -> None:
    reader = cluster(mounting())
    reader.failures["Event"] = Refused("forbidden", status=403)
    said = reading(await panel(reader).observe(), "workloads")
    assert said.state == "blind" and said.note == "permission missing: list events in namespace hotel"


@pytest.mark.parametrize("age, stuck", [(10, False), (16, True)])
async def test_a_pod_that_no_scheduler_looks_at_is_stuck(age: int, stuck: bool) -> None:
    made = failing(app("geo"))
    made.pods[0]["metadata"]["creationTimestamp"] = stamp(START - timedelta(seconds=age))
    made.pods[0]["spec"].pop("nodeName", None)
    made.pods[0]["status"] = {"phase": "Pending"}
    seen = await observe(made)
    assert (paths(seen.stuck) == {"deployment/geo"}) is stuck


@pytest.mark.parametrize("age, stuck", [(10, False), (59, False), (61, True)])
async def test_a_start_of_unknown_length_gets_the_default_window(age: int, stuck: bool) -> None:
    made = failing(app("geo"))
    made.pods[0]["metadata"]["creationTimestamp"] = stamp(START - timedelta(seconds=age))
    not_ready(made.pods[0])
    seen = await observe(made)
    assert (paths(seen.stuck) == {"deployment/geo"}) is stuck


@pytest.mark.parametrize("age, stuck", [(19, False), (21, True)])
async def test_a_start_is_late_sooner_where_starts_are_known_to_be_quick(age: int, stuck: bool) -> None:
    made = surge(
        app("geo"), not_ready(pod("geo-2-0", template=pod_template("geo"), created=START - timedelta(seconds=age)))
    )
    seen = await observe(made)
    assert (found(seen) == {("deployment/geo", "RolloutStuck")}) is stuck


@pytest.mark.parametrize(
    "said, age, stuck",
    [
        ("HTTP probe failed with statuscode: 503", 21, False),
        ("HTTP probe failed with statuscode: 503", 61, True),
        ("HTTP probe failed with statuscode: 404", 21, True),
        ("dial tcp 10.0.0.7:8080: connect: connection refused", 21, True),
    ],
)
async def test_a_pod_that_says_not_yet_is_given_more_time(said: str, age: int, stuck: bool) -> None:
    late = not_ready(pod("geo-2-0", template=pod_template("geo"), created=START - timedelta(seconds=age)))
    made = surge(app("geo"), late)
    made.more += [
        warning(late, "Unhealthy", "Readiness probe failed: connection refused", START - timedelta(seconds=15)),
        warning(late, "Unhealthy", f"Readiness probe failed: {said}", START - timedelta(seconds=1)),
    ]
    seen = await observe(made)
    assert (found(seen) == {("deployment/geo", "RolloutStuck")}) is stuck


async def test_a_slow_start_up_probe_grants_its_own_time() -> None:
    made = failing(app("geo"))
    made.pods[0]["metadata"]["creationTimestamp"] = stamp(START - timedelta(seconds=200))
    not_ready(made.pods[0])
    container = made.deployment["spec"]["template"]["spec"]["containers"][0]
    container["startupProbe"] = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 10, "failureThreshold": 30}
    assert paths((await observe(made)).moving) == {"deployment/geo"}


async def test_an_init_container_that_never_ends_is_stuck_after_the_window() -> None:
    made = failing(app("geo"))
    not_ready(made.pods[0])
    made.pods[0]["status"] |= {
        "containerStatuses": [{"name": "c", "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}}],
        "initContainerStatuses": [{"name": "i", "restartCount": 0, "state": {"running": {}}}],
    }
    watch = panel(cluster(made))
    seen = await watch.observe()
    assert paths(seen.stuck) == {"deployment/geo"} and watch.rows()[0].note.startswith("InitNotDone")


async def test_some_replicas_missing_is_degraded() -> None:
    made = app("geo", replicas=2)
    not_ready(made.pods[1])
    made.deployment["status"] |= {"readyReplicas": 1, "availableReplicas": 1, "unavailableReplicas": 1}
    seen = await observe(made)
    assert found(seen) == {("deployment/geo", "Degraded")}


async def test_a_rollout_without_progress_ends_as_not_settled() -> None:
    clock = FakeClock()
    made = app("geo")
    made.deployment["metadata"]["generation"] = 2
    watch = panel(cluster(made), clock)
    assert paths((await watch.observe()).moving) == {"deployment/geo"}
    await clock.sleep(61)
    seen = await watch.observe()
    assert found(seen) == {("deployment/geo", "NotSettled")} and paths(seen.stuck) == {"deployment/geo"}


async def test_a_controller_that_was_told_to_wait_is_not_stuck_meanwhile() -> None:
    clock = FakeClock()
    made = app("geo")
    made.deployment["metadata"]["generation"] = 2
    made.deployment["spec"]["minReadySeconds"] = 120
    watch = panel(cluster(made), clock)
    await watch.observe()
    await clock.sleep(61)
    assert not (await watch.observe()).findings
    await clock.sleep(65)
    assert found(await watch.observe()) == {("deployment/geo", "NotSettled")}


async def test_progress_starts_the_stall_time_again() -> None:
    clock = FakeClock()
    made = app("geo", replicas=2)
    made.deployment["metadata"]["generation"] = 2
    reader = cluster(made)
    watch = panel(reader, clock)
    await watch.observe()
    await clock.sleep(50)
    reader.remove(made.pods[1])
    await watch.observe()
    await clock.sleep(50)
    assert paths((await watch.observe()).moving) == {"deployment/geo"}


async def test_a_paused_deployment_is_settled_although_its_template_is_newer() -> None:
    made = app("geo")
    made.deployment["spec"]["paused"] = True
    made.deployment["status"]["updatedReplicas"] = 0
    assert not (await observe(made)).moving


# --- zero replicas ----------------------------------------------------------------------------------------------------


async def test_zero_replicas_that_nothing_names_were_somebodys_decision() -> None:
    watch = panel(cluster(app("geo", replicas=0)))
    seen = await watch.observe()
    assert not seen.findings and watch.rows()[0].state == "off"


async def test_zero_replicas_with_a_caller_is_a_finding_of_both_workload_and_service() -> None:
    seen = await observe(app("geo", replicas=0), app("search", env={"CALLS": "geo:8080,rate:8080"}), app("rate"))
    assert found(seen) == {("deployment/geo", "ScaledToZero"), ("service/geo", "NoReadyEndpoints")}


async def test_a_caller_at_zero_replicas_calls_nobody() -> None:
    assert not (await observe(app("geo", replicas=0), app("search", replicas=0, env={"CALLS": "geo:8080"}))).findings


async def test_a_config_map_of_a_running_pod_names_callers_too() -> None:
    caller = app("search")
    caller.pods[0]["spec"]["volumes"] = [{"name": "v", "configMap": {"name": "services"}}]
    settings = kube("ConfigMap", "services", data={"services.json": '{"geo": {"addr": "geo", "port": 8080}}'})
    assert ("deployment/geo", "ScaledToZero") in found(await observe(app("geo", replicas=0), caller, settings))


async def test_a_service_with_an_address_outside_has_callers() -> None:
    made = app("geo", replicas=0)
    made.service["spec"]["type"] = "LoadBalancer"
    assert ("deployment/geo", "ScaledToZero") in found(await observe(made))


# --- other kinds ------------------------------------------------------------------------------------------------------


def stateful(ready: int, replicas: int = 2, **status: object) -> list[JsonObject]:
    made = kube("StatefulSet", "db", api_version="apps/v1")
    made["spec"] = {"replicas": replicas, "template": pod_template("db"), "updateStrategy": {"type": "RollingUpdate"}}
    made["status"] = {"observedGeneration": 1, "replicas": ready, "readyReplicas": ready, "updateRevision": "r1"}
    made["status"] |= {"currentRevision": "r1", **status}
    pods = [pod(f"db-{n}", owner=made, template=pod_template("db")) for n in range(ready)]
    return [made, *pods]


async def test_a_settled_stateful_set() -> None:
    seen = await observe(*stateful(ready=2))
    assert not seen.findings and not seen.moving


async def test_a_stateful_set_that_may_not_create_pods_says_so_only_in_events() -> None:
    made = stateful(ready=1)
    seen = await observe(*made, warning(made[0], "FailedCreate", QUOTA))
    assert found(seen) == {("statefulset/db", "Degraded"), ("resourcequota/small", "QuotaExceeded")}


async def test_a_stateful_set_with_an_old_revision_left_is_moving() -> None:
    assert paths((await observe(*stateful(ready=2, updateRevision="r2", updatedReplicas=1))).moving) == {
        "statefulset/db"
    }


async def test_a_partition_leaves_old_pods_on_purpose() -> None:
    made = stateful(ready=2, updateRevision="r2", updatedReplicas=1)
    made[0]["spec"]["updateStrategy"]["rollingUpdate"] = {"partition": 1}
    assert not (await observe(*made)).moving


async def test_a_daemon_set_with_a_failing_pod_is_degraded() -> None:
    made = kube("DaemonSet", "agent", api_version="apps/v1", spec={"template": pod_template("agent")})
    counts = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled")
    made["status"] = {"observedGeneration": 1, "numberReady": 1, "numberAvailable": 1, **dict.fromkeys(counts, 2)}
    pods = [pod(f"agent-{n}", owner=made) for n in range(2)]
    seen = await observe(made, pods[0], crashed(pods[1]))
    assert found(seen) == {("daemonset/agent", "Degraded")}


async def test_pods_of_a_custom_resource_count_as_that_resource() -> None:
    owner = kube("Kafka", "events", api_version="kafka.strimzi.io/v1beta2")
    seen = await observe(crashed(pod("events-0", owner=owner)), pod("events-1", owner=owner))
    assert found(seen) == {("kafka/events", "Degraded")}


def job(name: str, owner: JsonObject | None = None, age: int = 60, **conditions: str) -> JsonObject:
    made = kube("Job", name, api_version="batch/v1", owner=owner, created=START - timedelta(seconds=age))
    made["spec"] = {"template": pod_template(name)}
    made["status"] = {
        "conditions": [{"type": kind, "status": "True", "reason": why} for kind, why in conditions.items()]
    }
    return made


def cron_job() -> JsonObject:
    return kube(
        "CronJob",
        "report",
        api_version="batch/v1",
        spec={"jobTemplate": {"spec": {"template": pod_template("report")}}},
    )


async def test_a_failed_job_is_a_finding_and_a_complete_one_is_not() -> None:
    assert not (await observe(job("import", Complete=""))).findings
    assert found(await observe(job("import", Failed="BackoffLimitExceeded"))) == {("job/import", "JobFailed")}


async def test_a_job_whose_pod_cannot_start_has_failed() -> None:
    made = job("import")
    seen = await observe(made, waiting(pod("import-x", owner=made), "ErrImagePull"))
    assert found(seen) == {("job/import", "JobFailed")}


async def test_a_running_job_is_neither_moving_nor_a_finding() -> None:
    made = job("import", age=3000)
    seen = await observe(made, pod("import-x", owner=made, ready=False))
    assert not seen.findings and not seen.moving


async def test_a_later_run_makes_a_failed_one_good() -> None:
    cron = cron_job()
    bad, good = job("report-1", cron, age=120, Failed=""), job("report-2", cron, age=60, Complete="")
    assert found(await observe(cron, bad)) == {("cronjob/report", "JobFailed")}
    assert not (await observe(cron, bad, good)).findings


async def test_unfinished_jobs_pile_up() -> None:
    cron = cron_job()
    jobs = [job(f"report-{n}", cron) for n in range(3)]
    assert found(await observe(cron, *jobs[:2])) == set()
    assert found(await observe(cron, *jobs)) == {("cronjob/report", "JobsPilingUp")}


async def test_a_claim_is_pending_only_when_a_pod_waits_for_it() -> None:
    claim = kube("PersistentVolumeClaim", "data", spec={}, status={"phase": "Pending"})
    made = app("db")
    assert not (await observe(made, claim)).findings
    made.pods[0]["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    assert found(await observe(made, claim)) == {("persistentvolumeclaim/data", "ClaimPending")}


@pytest.mark.parametrize("reason, blind", [("FailedGetResourceMetric", True), ("ScalingDisabled", False)])
@pytest.mark.parametrize("old_api", [True, False])
async def test_an_autoscaler_that_computes_nothing(reason: str, blind: bool, old_api: bool) -> None:
    scaler = kube("HorizontalPodAutoscaler", "web", api_version="autoscaling/v1", spec={}, status={})
    if old_api:
        text = f'[{{"type":"ScalingActive","status":"False","reason":"{reason}"}}]'
        scaler["metadata"]["annotations"] = {"autoscaling.alpha.kubernetes.io/conditions": text}
    else:
        scaler["status"]["conditions"] = [{"type": "ScalingActive", "status": "False", "reason": reason}]
    expected = {("horizontalpodautoscaler/web", "AutoscalerBlind")} if blind else set()
    assert found(await observe(scaler)) == expected


async def test_the_identity_of_a_finding_outlives_its_pods() -> None:
    first = failing(app("geo"))
    second = deepcopy(first)
    second.pods[0]["metadata"] |= {"name": "another", "uid": "another"}
    waiting(first.pods[0], "ErrImagePull", "for one"), waiting(second.pods[0], "ErrImagePull", "for another")
    keys = [{f.key for f in (await observe(made)).findings} for made in (first, second)]
    assert keys[0] == keys[1]


async def test_the_lag_is_what_the_readiness_probes_take() -> None:
    made = app("geo")
    probe = made.deployment["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
    assert reading(await observe(made), "workloads").lag == 2
    probe |= {"periodSeconds": 20, "failureThreshold": 3}
    assert reading(await observe(made), "workloads").lag == 30
