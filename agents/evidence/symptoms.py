"""What an outsider sees of a state: when it is the same before and after a change, the change did nothing for it."""

from __future__ import annotations

import re
from typing import Final

from agents.evidence.logs import severe
from agents.evidence.model import Evidence
from agents.evidence.pods import troubles

_VARIABLE: Final = re.compile(r"\d+|\b[a-z0-9]{5,10}-[a-z0-9]{5}\b")


def symptoms(evidence: Evidence) -> frozenset[str]:
    """Findings, container troubles and the last words of failing containers, without numbers and pod names."""
    found = {f"{f.oracle} {f.subject.path} {f.reason} {_VARIABLE.sub('#', f.message)}" for f in evidence.findings}
    for workload in evidence.workloads:
        for trouble in troubles(workload):
            found.add(f"{workload.subject.path} {trouble.container} {trouble.reason}")
            if trouble.container and not trouble.running:
                last = severe(evidence.log(trouble.pod, trouble.container))[-1:]
                found |= {f"{workload.subject.path} {_VARIABLE.sub('#', line)}" for line in last}
    return frozenset(found)
