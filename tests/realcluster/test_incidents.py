"""The main job on real input: a fault by kubectl, one run of the command line, requests that succeed again (issue 2)."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.realcluster.room import Room

pytestmark = pytest.mark.realcluster
FRONTEND = "/api/v1/namespaces/hotel/services/frontend:8080/proxy/request"
IN_ORDER = ("snapshot.taken", "dryrun.ok", "step.intended", "step.executed", "tx.settled", "tx.committed")
Until = Callable[[Callable[[], bool], str], None]


@dataclass(frozen=True)
class Fault:
    """kubectl commands: the fault, when it is felt, and what would heal it."""

    inject: str
    heal: str


def _patched(target: str, before: str, after: str) -> Fault:
    command = f"kubectl patch {target} --type=json -p"
    return Fault(f"{command} '{before}'", f"{command} '{after}'")


PORT = '[{"op": "replace", "path": "/spec/ports/0/targetPort", "value": %d}]'
SELECTOR = '{"spec": {"template": {"spec": {"nodeSelector": %s}}}}'
TOKEN = """kubectl patch deploy/geo -p '{"spec": {"template": {"spec": {"containers": [{"name": "geo", "env":
[{"name": "SEND_TOKEN", "valueFrom": {"secretKeyRef": {"name": "store-credentials", "key": "token"}}}]}]}}}}'"""
FAULTS = {
    "bad image": Fault(
        "kubectl set image deploy/rate rate=localhost:5000/service:2.0",
        "kubectl set image deploy/rate rate=localhost:5000/service:1.0",
    ),
    "wrong port": _patched("svc/profile", PORT % 9999, PORT % 8084),
    "no replicas": Fault("kubectl scale deploy/user --replicas=0", "kubectl scale deploy/user --replicas=1"),
    "no such node": Fault(
        f"kubectl patch deploy/recommendation -p '{SELECTOR % json.dumps({'disk': 'nvme'})}'",
        f"kubectl patch deploy/recommendation -p '{SELECTOR % 'null'}'",
    ),
    "missing variable": Fault("kubectl set env deploy/geo SEND_TOKEN-", TOKEN),
}
QUICK = ("wrong port", "no replicas")


@pytest.fixture
def hotel(config: str, until: Until) -> Iterator[Room]:
    """The application of the shared cluster, healthy before and after."""
    room = Room(config, "hotel")
    if not room.kubectl("get", "deploy/frontend", "--ignore-not-found", check=False):
        pytest.skip("the hotel application is not deployed")
    until(lambda: _answers(room), "a healthy application")
    yield room
    until(lambda: _answers(room), "the application healthy again")


def _answers(room: Room) -> bool:
    return all(room.kubectl("get", "--raw", FRONTEND, check=False).strip() == "ok" for _ in range(3))


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow) for each in FAULTS]
)
def test_a_fault_is_repaired(name: str, hotel: Room, journal: Path, until: Until) -> None:
    fault = FAULTS[name]
    try:
        hotel.kubectl(*shlex.split(fault.inject)[1:])
        if name in QUICK:
            until(lambda: not _answers(hotel), "the fault")
        run = hotel.start("run", "--once", "--mode", "auto", *hotel.arguments(journal), "-o", "jsonl")
        out, err = run.communicate(timeout=240)
        events = [json.loads(line) for line in out.splitlines()]
        assert run.returncode == 0, f"{err}\n{events[-1]}"
        assert events[-1]["event"] == "run.finished"
        assert events[-1]["outcome"] == "resolved"
        assert events[-1]["transactions"]["committed"] >= 1
        committed = [each["tx"] for each in events if each["event"] == "tx.committed"]
        words = [each["event"] for each in events if each.get("tx") == committed[-1] and each["event"] in IN_ORDER]
        assert list(dict.fromkeys(words)) == list(IN_ORDER)
        until(lambda: _answers(hotel), "requests that succeed")
    finally:
        hotel.kubectl(*shlex.split(fault.heal)[1:])
