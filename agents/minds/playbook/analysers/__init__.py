"""One analyser per kind of evidence. Each yields hypotheses with candidate changes; none knows of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agents.minds.base import Hypothesis
from agents.minds.playbook.analysers import changed, crashes, images, scaling, scheduling, services
from agents.minds.playbook.case import Case

Analyser = Callable[[Case], Iterable[Hypothesis]]

ALL: tuple[Analyser, ...] = (
    images.analyse,
    crashes.analyse,
    scheduling.analyse,
    scaling.analyse,
    services.analyse,
    changed.analyse,
)
"""Every analyser; their order does not matter, the ranking decides."""
