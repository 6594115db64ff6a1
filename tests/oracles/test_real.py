"""Each symptom as a real cluster shows it: what is found, and that it goes when the cause is taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from stratus.domain.severity import Observation
from stratus.domain.steps import DeleteStep
from stratus.ports import Precondition
from tests.oracles.real import Room
from tests.oracles.support import found

pytestmark = [pytest.mark.realcluster, pytest.mark.slow]

GONE = {("deployment/store", "Unavailable"), ("service/store", "NoReadyEndpoints")}
Break = Callable[[Room], Awaitable[None]]


async def bad_image(room: Room) -> None:
    await room.change_container("store", image="localhost:5000/service:9.9")


async def no_such_node(room: Room) -> None:
    await room.change_pods("store", {"nodeSelector": {"kubernetes.io/hostname": "extra-node"}})


async def missing_env(room: Room) -> None:
    await room.change_container("store", env=[{"name": "REQUIRE_ENV", "value": "TOKEN_OF_STORE"}])


async def wrong_readiness_path(room: Room) -> None:
    probe = {"tcpSocket": {"port": 9999}, "httpGet": None}
    await room.change_container("store", readinessProbe=probe)


async def missing_config_map(room: Room) -> None:
    source = [{"name": "settings", "configMap": {"name": "settings"}}]
    mounts = [{"name": "settings", "mountPath": "/settings"}]
    await room.change_pods("store", {"volumes": source, "containers": [{"name": "store", "volumeMounts": mounts}]})


async def missing_key(room: Room) -> None:
    source = {"configMapKeyRef": {"name": "settings", "key": "mode"}}
    await room.change_container("store", env=[{"name": "MODE", "valueFrom": source}])


async def out_of_memory(room: Room) -> None:
    limits = {"limits": {"memory": "6Mi"}, "requests": {"memory": "6Mi"}}
    await room.change_container("store", resources=limits)


async def hanging_init(room: Room) -> None:
    wait = {"name": "wait", "image": "localhost:5000/pause:3.2", "command": ["sleep", "3600"]}
    await room.change_pods("store", {"initContainers": [wait]})


BROKEN: list[tuple[Break, str]] = [
    (bad_image, "ImagePull"),
    (no_such_node, "Unschedulable"),
    (missing_env, "CrashLoopBackOff"),
    (wrong_readiness_path, "NotReady"),
    (missing_config_map, "FailedMount"),
    (missing_key, "CreateContainerConfigError"),
    (out_of_memory, "OOMKilled"),
    (hanging_init, "InitNotDone"),
]


@pytest.mark.parametrize("break_it, note", BROKEN, ids=[each.__name__ for each, _ in BROKEN])
async def test_a_broken_template_is_stuck_with_its_cause(room: Room, break_it: Break, note: str) -> None:
    await break_it(room)
    seen = await room.until(lambda seen: bool(seen.stuck))
    assert {str(subject) for subject in seen.stuck} == {"deployment/store"}
    seen = await room.until(lambda seen: found(seen, "workloads") | found(seen, "services") == GONE)
    row = next(row for row in room.panel.rows() if row.subject.name == "store")
    assert note in row.note and row.state == "failed" and (row.ready, row.desired) == (0, 1)


async def test_a_wrong_target_port_does_not_answer_and_answers_again(room: Room) -> None:
    await change_port(room, 9999)
    seen = await room.until(lambda seen: bool(found(seen)))
    assert found(seen) == {("service/store", "DoesNotAnswer")}
    await change_port(room, 8081)
    await room.until(healthy)


async def change_port(room: Room, target: int) -> None:
    await room.patch("v1", "Service", "store", {"spec": {"ports": [{"port": 8081, "targetPort": target}]}})


async def test_zero_replicas_with_a_caller(room: Room) -> None:
    await room.patch("apps/v1", "Deployment", "store", {"spec": {"replicas": 0}})
    expected = {("deployment/store", "ScaledToZero"), ("service/store", "NoReadyEndpoints")}
    await room.until(lambda seen: found(seen) == expected)
    await room.patch("apps/v1", "Deployment", "store", {"spec": {"replicas": 1}})
    await room.until(healthy)


async def test_zero_replicas_that_nobody_calls(room: Room) -> None:
    await room.patch("apps/v1", "Deployment", "front", {"spec": {"replicas": 0}})
    seen = await room.until(lambda seen: "off" in {row.state for row in room.panel.rows()})
    assert not seen.findings


async def test_a_quota_that_refuses_pods(room: Room) -> None:
    hard = {"pods": "1"}
    await room.create("v1", "ResourceQuota", "small", {"spec": {"hard": hard}})
    await room.patch("apps/v1", "Deployment", "store", {"spec": {"replicas": 2}})
    expected = {("deployment/store", "Degraded"), ("resourcequota/small", "QuotaExceeded")}
    seen = await room.until(lambda seen: found(seen) == expected)
    assert "deployment/store" in {str(subject) for subject in seen.stuck}


async def test_a_selector_that_no_pod_carries(room: Room) -> None:
    await room.patch("v1", "Service", "store", {"spec": {"selector": {"tier": "none"}}})
    await room.until(lambda seen: found(seen) == {("service/store", "NoReadyEndpoints")})


async def test_a_service_that_is_called_and_deleted(room: Room) -> None:
    await room.writer.send(DeleteStep(target=room.ref("v1", "Service", "store")), Precondition())
    await room.until(lambda seen: found(seen) == {("service/store", "ServiceMissing")})


async def test_a_rollout_under_way_is_moving_and_never_a_finding(room: Room) -> None:
    await room.change_container("store", env=[{"name": "WARMUP", "value": "4"}])
    seen: list[Observation] = []

    def settled(now: Observation) -> bool:
        seen.append(now)
        return any(each.moving for each in seen) and not now.moving

    await room.until(settled)
    assert [found(each) for each in seen if each.findings] == []


def healthy(seen: Observation) -> bool:
    return seen.severity == 0 and not seen.moving
