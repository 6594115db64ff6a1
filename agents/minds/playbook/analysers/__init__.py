"""One analyser per kind of evidence. Each yields hypotheses with candidate changes; none knows of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agents.minds.base import Hypothesis
from agents.minds.playbook.analysers import (
    admission,
    backoff,
    changed,
    commands,
    configuration,
    crashes,
    credentials,
    dns,
    endpoints,
    flags,
    images,
    jobs,
    network,
    probes,
    references,
    scaling,
    scheduling,
    services,
    starting,
    storage,
)  # fmt: skip
from agents.minds.playbook.case import Case

Analyser = Callable[[Case], Iterable[Hypothesis]]

ALL: tuple[Analyser, ...] = (
    images.analyse,
    crashes.analyse,
    commands.analyse,
    scheduling.analyse,
    scaling.analyse,
    services.analyse,
    endpoints.analyse,
    references.analyse,
    probes.analyse,
    configuration.analyse,
    starting.analyse,
    storage.analyse,
    admission.analyse,
    network.analyse,
    dns.analyse,
    credentials.analyse,
    flags.analyse,
    flags.analyse_siblings,
    jobs.analyse,
    backoff.analyse,
    changed.analyse,
)
"""Every analyser; their order does not matter, the ranking decides."""
