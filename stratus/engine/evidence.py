"""What a failed attempt leaves to learn from, kept before its undo removes it: logs, events and YAML."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.domain.base import JsonObject
from stratus.domain.errors import StratusError
from stratus.domain.events import EvidenceCaptured
from stratus.domain.objects import Subject
from stratus.domain.severity import Finding
from stratus.engine.context import Context

SUBJECTS_AT_MOST = 5
PODS_AT_MOST = 3
LINES = 50


async def capture(ctx: Context, tx: str, incident: str, findings: Sequence[Finding]) -> None:
    """Store the pods (with logs) and events of the worst subjects. Evidence is worth little if it delays an undo:
    whatever cannot be read is left out."""
    if not incident:
        return
    subjects = list(dict.fromkeys(finding.subject for finding in findings if finding.subject.namespace))
    for subject in subjects[:SUBJECTS_AT_MOST]:
        try:
            record = await _record(ctx, subject)
        except StratusError:
            continue
        digest = ctx.snapshots.put(record)
        ctx.ledger.emit(
            EvidenceCaptured(incident=incident, tx=tx, what=f"pods, logs and events of {subject}", snapshot=digest)
        )


async def _record(ctx: Context, subject: Subject) -> JsonObject:
    pods = [pod for pod in await ctx.reader.list("Pod", subject.namespace) if _belongs(pod, subject)][:PODS_AT_MOST]
    logs: JsonObject = {}
    for pod in pods:
        name = pod["metadata"]["name"]
        logs[name] = await ctx.reader.logs(subject.namespace, name, tail=LINES)
    names = {subject.name, *logs}
    events = [
        each
        for each in await ctx.reader.list("Event", subject.namespace, api_version="v1")
        if each.get("involvedObject", {}).get("name") in names
    ]
    return {"kind": "Evidence", "subject": subject.path, "pods": pods, "logs": logs, "events": events[-LINES:]}


def _belongs(pod: JsonObject, subject: Subject) -> bool:
    return str(pod["metadata"]["name"]).startswith(f"{subject.name}-")
