"""The conductor on a scripted mind: which role is next, what is learned, and what is left behind when it gives up.

``World.emit`` folds every event, so a move that the machine's table does not allow fails any of these tests.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Sequence

import pytest

from agents.baseline import Baseline
from agents.conductor import Conductor
from agents.evidence import Evidence
from agents.minds.base import Candidate, Hypothesis, Origin, Reflection
from agents.minds.playbook import PlaybookMind, fixes
from agents.options import IncidentOutcome, Options
from stratus.domain.base import JsonObject
from stratus.domain.events import BaselineTaken, IncidentOpened, Recorded
from stratus.domain.objects import Subject
from stratus.domain.severity import Finding
from stratus.ports import TxResult
from tests.agents.world import NS, World, deployment, finding, obj, pod, service

GEO = Subject(kind="Deployment", namespace=NS, name="geo")


class Mind:
    """Thinks of these changes, in this order, and forgets none that was tried."""

    name = "scripted"

    def __init__(self, *candidates: Candidate) -> None:
        self.hypothesis = Hypothesis(GEO, "config", 0.9, "geo is wrong", ("because",), candidates)

    async def diagnose(self, evidence: Evidence, reflections: Sequence[Reflection]) -> Sequence[Hypothesis]:
        return [self.hypothesis]

    async def plan(
        self, diagnosis: Sequence[Hypothesis], evidence: Evidence, reflections: Sequence[Reflection]
    ) -> Sequence[tuple[Candidate, Hypothesis]]:
        tried = {r.fingerprint for r in reflections}
        return [(c, self.hypothesis) for c in self.hypothesis.candidates if c.fingerprint not in tried]


SETTING = obj("ConfigMap", "setting", data={"a": "bad", "b": "bad"})


def change(**data: str) -> Candidate:
    """A change of the setting."""
    step = fixes.edit(SETTING, lambda o: o["data"].update(data))
    assert step is not None
    return fixes.candidate(Origin.DERIVE, [step], f"set {data}")


def judged(weigh: Callable[[dict[str, str]], dict[str, float]]) -> Callable[[dict[str, JsonObject]], list[Finding]]:
    """Findings by what the setting holds: name of a Service → weight."""

    def judge(objects: dict[str, JsonObject]) -> list[Finding]:
        found = weigh(objects["shop/configmap/setting"]["data"])
        return [finding("Service", name, "RequestsFail", weight) for name, weight in found.items() if weight]

    return judge


def one_fault(data: dict[str, str]) -> dict[str, float]:
    return {"geo": 0 if data["a"] == "good" else 9 if data["a"] == "worse" else 5}


def two_faults(data: dict[str, str]) -> dict[str, float]:
    return {"geo": 0 if data["a"] == "good" else 5, "rate": 0 if data["b"] == "good" else 3}


def layered(data: dict[str, str]) -> dict[str, float]:
    """The second fault shows only once the first is gone, and weighs the same."""
    if data["a"] != "good":
        return {"geo": 5}
    return {"rate": 0 if data["b"] == "good" else 5}


def run(world: World, mind: object, **options: float) -> IncidentOutcome:
    settings = Options(namespaces=(NS,), **options)  # type: ignore[arg-type]
    return asyncio.run(Conductor(world, mind, world.clock, settings).run_once())  # type: ignore[arg-type]


def path(world: World) -> list[str]:
    """The states of the only incident."""
    (incident,) = world.board.incidents.values()
    return [visit.state.value for visit in incident.path]


def world_of(weigh: Callable[[dict[str, str]], dict[str, float]]) -> World:
    return World([SETTING], judged(weigh))


def test_a_healthy_cluster_is_left_alone() -> None:
    world = world_of(lambda data: {})
    assert run(world, Mind()).outcome == "healthy"
    assert world.log.recorded == []


def test_one_change_that_helps_resolves_the_incident() -> None:
    world = world_of(one_fault)
    outcome = run(world, Mind(change(a="good")))
    assert (outcome.outcome, outcome.initial, outcome.final) == ("resolved", 5, 0)
    assert path(world) == ["detecting", "diagnosing", "planning", "mitigating", "verifying", "resolved"]
    assert outcome.diagnosis is not None and outcome.diagnosis.component == "deployment/geo"


def test_after_an_undone_attempt_another_change_is_tried() -> None:
    world = world_of(one_fault)
    outcome = run(world, Mind(change(a="worse"), change(a="good")))
    assert [r.outcome for r in outcome.transactions] == ["restored", "committed"]
    assert path(world)[3:9] == ["mitigating", "undoing", "reflecting", "diagnosing", "planning", "mitigating"]
    assert outcome.outcome == "resolved"
    assert len({p.command for p in world.proposals}) == 2, "never the same change again"


def test_a_commit_that_changes_nothing_visible_is_taken_back_at_once() -> None:
    world = world_of(one_fault)
    outcome = run(world, Mind(change(b="useless"), change(a="good")))
    assert world.undone == ["1.1"]
    assert outcome.outcome == "resolved"
    assert path(world)[3:7] == ["mitigating", "verifying", "undoing", "reflecting"]
    assert world.objects[1]["data"] == {"a": "good", "b": "bad"}


def test_two_faults_are_two_transactions() -> None:
    world = world_of(two_faults)
    outcome = run(world, Mind(change(a="good"), change(b="good")))
    assert [r.severity_after for r in outcome.transactions] == [3, 0]
    assert outcome.outcome == "resolved" and world.undone == []


def test_progress_on_a_layered_fault_is_kept_although_the_severity_is_the_same() -> None:
    world = world_of(layered)
    outcome = run(world, Mind(change(a="good"), change(b="good")))
    assert outcome.outcome == "resolved" and world.undone == []


def test_giving_up_leaves_nothing_behind_that_did_not_help() -> None:
    world = world_of(layered)
    outcome = run(world, Mind(change(a="good")))
    assert outcome.outcome == "restored"
    assert world.undone == ["1.1"]
    assert world.objects[1]["data"] == {"a": "bad", "b": "bad"}
    assert path(world)[-3:] == ["reflecting", "undoing", "escalated"]


def test_giving_up_keeps_what_helped() -> None:
    world = world_of(two_faults)
    outcome = run(world, Mind(change(a="good")))
    assert (outcome.outcome, outcome.final, world.undone) == ("not_fixed", 3, [])
    assert path(world)[-1] == "escalated"


def test_giving_up_takes_back_what_only_seemed_to_help() -> None:
    looks = 0

    def relapsing(data: dict[str, str]) -> dict[str, float]:
        nonlocal looks
        looks += data["a"] == "good"
        return {"rate": 3} if data["a"] == "good" and looks <= 2 else {"geo": 5}

    world = world_of(relapsing)
    outcome = run(world, Mind(change(a="good")))
    (attempt,) = outcome.transactions
    assert (attempt.severity_before, attempt.severity_after) == (5, 3)
    assert (outcome.final, world.undone) == (5, ["1.1"])
    assert world.objects[-1]["data"]["a"] == "bad"


def test_the_hand_over_says_what_was_tried_and_what_stands() -> None:
    world = world_of(two_faults)
    run(world, Mind(change(a="good"), change(a="worse")))
    (incident,) = world.board.incidents.values()
    words = "\n".join(said.text for said in incident.transcript)
    assert "handing over" in words and "changes that stand: 1.1" in words and "tried" in words


def test_what_a_person_vetoes_is_not_proposed_again() -> None:
    world = world_of(one_fault)
    world.answers = [TxResult(tx="x", outcome="vetoed", reason="not on my shift")]
    outcome = run(world, Mind(change(a="worse"), change(a="good")))
    assert [p.command for p in world.proposals] == [
        change(a="worse").proposal.command,
        change(a="good").proposal.command,
    ]
    assert outcome.outcome == "resolved" and outcome.denied == (change(a="worse").proposal.title,)


def test_everything_vetoed_is_blocked() -> None:
    world = world_of(one_fault)
    world.answers = [TxResult(tx="x", outcome="vetoed")]
    assert run(world, Mind(change(a="good"))).outcome == "blocked"


@pytest.mark.parametrize("outcome", ["denied", "expired"])
def test_when_nobody_allows_anything_one_proposal_is_enough(outcome: str) -> None:
    world = world_of(one_fault)
    world.answers = [TxResult(tx="x", outcome=outcome, reason="observe")]  # type: ignore[arg-type]
    result = run(world, Mind(change(a="good"), change(b="good")))
    assert (result.outcome, len(world.proposals)) == ("blocked", 1)


def test_a_change_that_the_server_refuses_gives_way_to_the_next() -> None:
    world = world_of(one_fault)
    world.answers = [TxResult(tx="x", outcome="refused", reason="immutable")]
    assert run(world, Mind(change(a="worse"), change(a="good"))).outcome == "resolved"


@pytest.mark.parametrize(("outcome", "ending"), [("diverged", "diverged"), ("unknown", "unknown")])
def test_what_only_a_person_can_judge_is_handed_over_at_once(outcome: str, ending: str) -> None:
    world = world_of(one_fault)
    world.answers = [TxResult(tx="x", outcome=outcome, reason="spec.replicas")]  # type: ignore[arg-type]
    result = run(world, Mind(change(a="worse"), change(a="good")))
    assert (result.outcome, len(world.proposals)) == (ending, 1)
    assert path(world)[-1] == "escalated"


def test_no_idea_is_a_hand_over_without_any_write() -> None:
    world = world_of(one_fault)
    result = run(world, Mind())
    assert (result.outcome, result.writes) == ("not_fixed", 0)
    assert path(world) == ["detecting", "diagnosing", "planning", "escalated"]


def test_the_number_of_attempts_is_bounded() -> None:
    world = world_of(one_fault)
    run(world, Mind(*(change(a="worse", b=str(n)) for n in range(9))), attempts=3)
    assert len(world.proposals) == 3


def test_blind_is_not_healthy_and_opens_nothing() -> None:
    world = world_of(one_fault)
    world.blind = True
    assert run(world, Mind(change(a="good"))).outcome == "unreachable"
    assert world.log.recorded == [] and world.proposals == []


def test_a_cluster_that_stops_answering_ends_the_incident() -> None:
    world = world_of(one_fault)
    world.unreachable = True
    assert run(world, Mind(change(a="good"))).outcome == "unreachable"
    assert path(world) == ["detecting", "diagnosing", "escalated"]


def test_health_that_returns_by_itself_ends_the_incident() -> None:
    world = world_of(one_fault)
    world.answers = [TxResult(tx="x", outcome="refused")]
    healed = change(a="good")

    class Healing(Mind):
        async def plan(self, *args: object) -> Sequence[tuple[Candidate, Hypothesis]]:  # type: ignore[override]
            found = [(healed, self.hypothesis)]
            world.objects[1] = {**SETTING, "data": {"a": "good", "b": "bad"}}
            return found

    assert run(world, Healing()).outcome == "resolved"


class TestWatch:
    """The daemon."""

    def conductor(self, world: World, mind: Mind, looks: int, **more: object) -> Conductor:
        """A conductor that stops after so many looks."""
        conductor = Conductor(world, mind, world.clock, Options(namespaces=(NS,)), **more)  # type: ignore[arg-type]
        sleep = world.clock.sleep
        left = [looks]

        async def counted(seconds: float) -> None:
            left[0] -= 1
            if not left[0]:
                conductor.stop()
            await sleep(seconds)

        world.clock.sleep = counted  # type: ignore[method-assign]
        return conductor

    def opened(self, world: World) -> list[Recorded]:
        return [r for r in world.log.recorded if isinstance(r.event, IncidentOpened)]

    def test_findings_that_a_person_was_given_do_not_open_another_incident(self) -> None:
        world = world_of(one_fault)
        asyncio.run(self.conductor(world, Mind(), 5).watch())
        assert len(self.opened(world)) == 1

    def test_a_new_finding_does(self) -> None:
        world = world_of(one_fault)
        mind = Mind()
        conductor = self.conductor(world, mind, 2)
        asyncio.run(conductor.watch())
        world.judge = judged(two_faults)
        asyncio.run(self.conductor(world, mind, 2).watch())
        assert len(self.opened(world)) == 2

    def test_a_pause_is_respected(self) -> None:
        world = world_of(one_fault)
        asyncio.run(self.conductor(world, Mind(change(a="good")), 3, paused=lambda: True).watch())
        assert world.log.recorded == [] and world.proposals == []

    def test_the_healthy_state_is_remembered_once(self) -> None:
        world = world_of(lambda data: {})
        memory = Baseline(world.log.snapshots)
        asyncio.run(self.conductor(world, Mind(), 40, baseline=memory).watch())
        taken = [r.event for r in world.log.recorded if isinstance(r.event, BaselineTaken)]
        assert [sorted(each.changed) for each in taken] == [["shop/configmap/setting"]]
        assert memory.objects()["shop/configmap/setting"]["data"] == SETTING["data"]

    def test_outcomes_are_handed_on(self) -> None:
        world = world_of(one_fault)
        seen: list[IncidentOutcome] = []
        asyncio.run(self.conductor(world, Mind(change(a="good")), 3).watch(seen.append))
        assert [each.outcome for each in seen] == ["resolved"]


def test_a_mistake_since_the_last_healthy_state_is_put_right_with_the_playbook() -> None:
    """Baseline to repair, with nothing scripted but the world."""
    owner, front = deployment("geo"), service("geo")

    def judge(objects: dict[str, JsonObject]) -> list[Finding]:
        right = objects["shop/service/geo"]["spec"]["ports"][0]["targetPort"] == 8080
        return [] if right else [finding("Service", "geo", "DoesNotAnswer", 4.0)]

    world = World([owner, pod(owner), front], judge)
    conductor = Conductor(
        world, PlaybookMind(), world.clock, Options(namespaces=(NS,)), baseline=Baseline(world.log.snapshots)
    )

    async def story() -> IncidentOutcome:
        assert (await conductor.run_once()).outcome == "healthy"
        wrong = copy.deepcopy(front)
        wrong["spec"]["ports"][0]["targetPort"] = 1
        world.objects[-1] = wrong
        return await conductor.run_once()

    outcome = asyncio.run(story())
    assert outcome.outcome == "resolved"
    assert world.proposals[0].evidence[0].startswith("ports[name=http].targetPort changed 8080 → 1")
