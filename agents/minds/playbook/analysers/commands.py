"""Containers that run, but run the wrong program: another one's command in an image that holds several."""

from __future__ import annotations

from collections.abc import Iterator

from agents.evidence import Workload
from agents.minds.base import Hypothesis
from agents.minds.playbook.analysers.crashes import command_candidates
from agents.minds.playbook.case import Case, hypothesis, in_container
from stratus.domain.base import JsonObject


def analyse(case: Case) -> Iterator[Hypothesis]:
    """Per container whose command is the name of another workload with the same image."""
    for workload in case.in_scope:
        for container in workload.containers:
            stranger = _another_ones(case, workload, container)
            if stranger is not None:
                yield _hypothesis(case, workload, container, stranger)


def _another_ones(case: Case, workload: Workload, container: JsonObject) -> Workload | None:
    """The workload whose program this container runs."""
    command = container.get("command") or []
    program = str(command[0]).rpartition("/")[2] if command else ""
    if not program or program in (workload.name, container["name"]):
        return None
    for other in case.siblings(workload):
        same = any(c.get("image") == container.get("image") for c in other.containers)
        if same and program == other.name and any(c.get("command") == command for c in other.containers):
            return other
    return None


def _hypothesis(case: Case, workload: Workload, container: JsonObject, stranger: Workload) -> Hypothesis:
    reason = f"{workload.subject} runs the program of {stranger.subject} ({' '.join(container['command'])})"
    candidates = case.restorations(workload.obj, in_container(str(container["name"]), "command", "args"), reason)
    candidates += command_candidates(case, workload, container, reason)
    hurt = workload.subject in case.suffering or bool(case.evidence.found(workload.subject))
    confidence = 0.92 if hurt else 0.4
    said = [reason, f"both have the image {container.get('image')}"]
    return hypothesis(workload.subject, "command", confidence, reason, said, candidates)
