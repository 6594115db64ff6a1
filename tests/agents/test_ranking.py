"""Which hypothesis and which change come first."""

from __future__ import annotations

import asyncio
import copy

import pytest

from agents.evidence import Workload
from agents.minds.base import Hypothesis, Origin, Reflection
from agents.minds.playbook import PlaybookMind, ranking
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from tests.agents.world import NS, container, deployment, evidence, finding, pod, replica_set, service, waiting


def diagnosed(*objects: JsonObject, **more: object) -> list[Hypothesis]:
    return list(asyncio.run(PlaybookMind().diagnose(evidence(*objects, **more), ())))  # type: ignore[arg-type]


def chain() -> list[JsonObject]:
    """web → mid → deep, all running, deep with a template that changed at 01:02."""
    objects: list[JsonObject] = []
    for name, calls in (("web", "mid:8080"), ("mid", "deep:8080"), ("deep", "")):
        variables = [{"name": "PORT", "value": "8080"}, {"name": "CALLS", "value": calls}]
        owner = deployment(name, container(name, env=variables))
        objects += [owner, pod(owner), service(name)]
    return objects


def deployed(objects: list[JsonObject], name: str, by: str = "kubectl", at: str = "2026-01-01T01:30:00Z") -> JsonObject:
    """A new image for one of the workloads, with its history."""
    owner = next(o for o in objects if o["kind"] == "Deployment" and o["metadata"]["name"] == name)
    old = replica_set(copy.deepcopy(owner), 1)
    owner["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.test/app:1.1"
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": {f'k:{{"name":"{name}"}}': {"f:image": {}}}}}}}
    owner["metadata"]["managedFields"] = [{"manager": by, "time": at, "fieldsV1": fields}]
    objects += [old, replica_set(owner, 2)]
    return owner


FAILING = [finding("Service", "web", "RequestsFail", 5.0)]
LOGS = {
    "web-1": "ERROR call to mid:8080 failed: HTTP Error 502",
    "mid-1": "ERROR call to deep:8080 failed: HTTP Error 500",
}


def test_the_walk_ends_at_the_last_hop_that_changed() -> None:
    objects = chain()
    deployed(objects, "deep")
    best = diagnosed(*objects, findings=FAILING, logs=LOGS)[0]
    assert (str(best.component), best.fault_class) == ("deployment/deep", "image")


def test_what_nobody_calls_is_hardly_the_cause() -> None:
    objects = chain()
    other = deployment("batch")
    objects += [other, pod(other)]
    deployed(objects, "batch")
    deployed(objects, "deep")
    found = [str(h.component) for h in diagnosed(*objects, findings=FAILING, logs=LOGS)]
    assert found.index("deployment/deep") < found.index("deployment/batch")


def test_what_neither_suffers_nor_is_needed_is_not_touched() -> None:
    objects = chain()
    other = deployment("batch")
    objects += [other, pod(other)]
    deployed(objects, "batch")
    diagnosis = diagnosed(*objects, findings=FAILING, logs=LOGS)
    assert "deployment/batch" in [str(h.component) for h in diagnosis]
    assert "deployment/batch" not in [str(h.component) for _, h in ranking.candidates(diagnosis, ())]


def test_where_nothing_can_be_done_about_the_cause_nothing_less_probable_is_tried() -> None:
    step = ranking.fixes.scale(Workload(deployment("web")), 2)
    guess = ranking.fixes.candidate(Origin.RESTORE, [step], "a guess")
    for known, tried in ((0.9, 0), (0.7, 1)):
        cause = Hypothesis(Subject(kind="Service", namespace=NS, name="geo"), "unknown", known, "geo is gone")
        other = Hypothesis(Subject(kind="Deployment", namespace=NS, name="web"), "config", 0.4, "", (), (guess,))
        assert len(ranking.candidates([cause, other], ())) == tried


@pytest.mark.parametrize(("outcome", "tried"), [("vetoed", 0), ("refused", 0), ("restored", 1)])
def test_a_veto_of_the_right_change_is_no_reason_to_try_a_wrong_one(outcome: str, tried: int) -> None:
    right, wrong = (
        ranking.fixes.candidate(Origin.RESTORE, [ranking.fixes.scale(Workload(deployment(name)), 2)], name)
        for name in ("geo", "web")
    )
    cause = Hypothesis(Subject(kind="Deployment", namespace=NS, name="geo"), "scaling", 0.9, "", (), (right,))
    other = Hypothesis(Subject(kind="Deployment", namespace=NS, name="web"), "config", 0.4, "", (), (wrong,))
    lesson = Reflection(right.fingerprint, "geo", outcome, "", cause.key)
    assert len(ranking.candidates([cause, other], [lesson])) == tried


@pytest.mark.parametrize(
    ("outcomes", "again"),
    [(["restored"], False), (["restored", "committed"], True), (["committed", "restored"], False),
     (["vetoed", "committed"], False)],
)  # fmt: skip
def test_what_was_undone_may_be_tried_again_once_something_else_helped(outcomes: list[str], again: bool) -> None:
    step, other = (ranking.fixes.scale(Workload(deployment(name)), 2) for name in ("web", "geo"))
    change = ranking.fixes.candidate(Origin.RESTORE, [step], "")
    helped = ranking.fixes.candidate(Origin.RESTORE, [other], "")
    cause = Hypothesis(Subject(kind="Deployment", namespace=NS, name="web"), "config", 0.9, "", (), (change,))
    said = [
        Reflection((helped if each == "committed" else change).fingerprint, "", each, "", ("other", "config"))
        for each in outcomes
    ]
    assert bool(ranking.candidates([cause], said)) is again


def confidence(by: str, at: str) -> float:
    objects = chain()
    deployed(objects, "deep", by, at)
    found = diagnosed(*objects, findings=FAILING, logs=LOGS)
    return next(h.confidence for h in found if h.fault_class == "image")


def test_a_recent_change_is_more_suspect_than_an_old_one() -> None:
    assert confidence("kubectl", "2026-01-01T01:30:00Z") > confidence("kubectl", "2025-12-31T20:00:00Z")
    assert confidence("kubectl", "2025-12-31T20:00:00Z") > confidence("kubectl", "2025-11-01T00:00:00Z")


def test_what_a_committed_mitigation_wrote_is_hardly_the_cause() -> None:
    assert confidence("stratus", "2026-01-01T01:30:00Z") < confidence("kubectl", "2025-12-31T20:00:00Z")


def test_a_cause_outranks_the_callers_that_only_suffer() -> None:
    objects = chain()
    sick = deployed(objects, "deep")
    broken = [o for o in objects if not (o["kind"] == "Pod" and o["metadata"]["name"] == "deep-1")]
    broken.append(pod(sick, waiting("ErrImagePull")))
    findings = [
        *FAILING,
        finding("Deployment", "deep", "Unavailable"),
        finding("Service", "deep", "NoReadyEndpoints", 4.0),
    ]
    best = diagnosed(*broken, findings=findings, logs={"web-1": LOGS["web-1"]})[0]
    assert str(best.component) == "deployment/deep" and best.confidence > 0.9


def test_the_same_mistake_on_several_components_is_one_proposal() -> None:
    objects: list[JsonObject] = []
    for name in ("a", "b", "c"):
        good = deployment(name)
        bad = copy.deepcopy(good)
        bad["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.test/app:9.9"
        objects += [bad, replica_set(good, 1), replica_set(bad, 2), pod(bad, waiting("ErrImagePull")), service(name)]
    findings = [finding("Deployment", name, "Unavailable") for name in ("a", "b", "c")]
    seen = evidence(*objects, findings=findings)
    mind = PlaybookMind()
    diagnosis = asyncio.run(mind.diagnose(seen, ()))
    ((first, _), *_) = asyncio.run(mind.plan(diagnosis, seen, ()))
    assert [step.target.name for step in first.proposal.steps] == ["a", "b", "c"]


def test_a_state_that_an_attempt_left_behind_is_not_offered_again() -> None:
    """Revision 2 was current when the incident began: going back to it is no idea."""
    good, first = deployment("geo"), deployment("geo", container("geo", image="registry.test/app:8"))
    now = deployment("geo", container("geo", image="registry.test/app:9"))
    objects = [now, replica_set(good, 1), replica_set(first, 2), replica_set(now, 3), pod(now, waiting("ErrImagePull"))]
    seen = evidence(*objects, findings=[finding("Deployment", "geo", "Unavailable")])
    lesson = Reflection("x", "t", "committed", "", ("shop/deployment/geo", "image"), (first,))
    mind = PlaybookMind()
    diagnosis = asyncio.run(mind.diagnose(seen, (lesson,)))
    plan = asyncio.run(mind.plan(diagnosis, seen, (lesson,)))
    assert "app:8" not in " ".join(str(c.proposal.steps) for c, _ in plan)
    assert "app:1.0" in str(plan[0][0].proposal.steps)
