"""Containers that end: out of memory, unable to start, without a setting or a file that they need, or just broken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from statistics import median

from agents.evidence import Change, Workload
from agents.evidence.changes import data_written
from agents.evidence.logs import failed_calls, missing_files, missing_settings, severe
from agents.evidence.paths import MISSING
from agents.evidence.pods import START_REASONS, Trouble, messages
from agents.evidence.quantities import amount, memory
from agents.evidence.workload import containers_of
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes, settings
from agents.minds.playbook.analysers.changed import fault_class as changed_class
from agents.minds.playbook.case import Case, container_path, hypothesis, in_container, subject_of
from stratus.domain.base import JsonObject

NOT_A_PROGRAM = (126, 127)
"""Exit codes of a shell for a command that it cannot run or find."""
AS_ROOT = re.compile(r"runAsNonRoot")
"""The kubelet refuses an image that would run as root."""
SLOW_DEATH = 30.0
"""Seconds that a container lives whose memory grows: a larger limit would only put off its end."""
CRASHES = frozenset({"Crash", "Restarted:Crash", "OOMKilled", "Restarted:OOMKilled", *START_REASONS})


def analyse(case: Case) -> Iterator[Hypothesis]:
    """One or more hypotheses per crashing container."""
    for workload, found in case.troubled:
        for trouble in _latest(found):
            container = next((c for c in containers_of([workload.pod_spec]) if c["name"] == trouble.container), None)
            if container is None:
                continue
            if "OOMKilled" in trouble.reason:
                yield from _out_of_memory(case, workload, container, trouble)
            elif trouble.reason in START_REASONS or AS_ROOT.search(trouble.message):
                yield _cannot_start(case, workload, container, trouble)
            else:
                yield from _exits(case, workload, container, trouble)


def _latest(found: list[Trouble]) -> list[Trouble]:
    """The newest pod's trouble of each container that crashes."""
    first: dict[str, Trouble] = {}
    for trouble in found:
        if trouble.reason in CRASHES or AS_ROOT.search(trouble.message):
            first.setdefault(trouble.container, trouble)
    return list(first.values())


def _out_of_memory(case: Case, workload: Workload, container: JsonObject, trouble: Trouble) -> Iterator[Hypothesis]:
    """The limit is too low, or a new version needs more than the old one did."""
    name = str(container["name"])
    limit = str(((container.get("resources") or {}).get("limits") or {}).get("memory", ""))
    reason = f"{workload.subject} is killed for want of memory (limit {limit or 'of the node'})"
    wanted = in_container(name, "resources")
    candidates = case.restorations(workload.obj, wanted, reason)
    for index, size in enumerate(_larger(case, workload, amount(limit)) if limit else ()):
        step = fixes.set_field(
            workload.obj, container_path(workload, container, "resources", "limits", "memory"), memory(size)
        )
        said = [f"memory limit {limit} → {memory(size)}"]
        candidates += [fixes.candidate(Origin.DERIVE, [step], reason, said, worth=1.0 - 0.1 * index)] if step else []
    candidates += case.rollbacks(workload, reason)
    said = [f"{trouble.pod_name}: OOMKilled, {trouble.restarts} restarts, memory limit {limit or 'none'}"]
    said += [change.sentence() for group in case.recent(workload.obj, wanted)[:1] for change in group]
    new = in_container(name, "image", "args", "command", "env")
    versions = [] if case.recent(workload.obj, wanted) else case.recent(workload.obj, new)
    if versions:
        changed = [change.sentence() for change in versions[0]]
        found = case.restorations(workload.obj, new, reason)
        summary = f"{workload.subject} needs more memory since its last change"
        yield hypothesis(workload.subject, changed_class(versions[0][0]), 0.93, summary, [*changed, *said], found)
    postponed = trouble.lived >= SLOW_DEATH and not case.recent(workload.obj, wanted)
    confidence = 0.7 if postponed else 0.75 if versions else 0.93
    yield hypothesis(workload.subject, "resources", confidence, reason, said, candidates)


def _larger(case: Case, workload: Workload, limit: float) -> list[float]:
    """The next limits to try: what the siblings have if that is more, else twice and four times as much."""
    known = [
        amount(((c.get("resources") or {}).get("limits") or {}).get("memory"))
        for other in case.siblings(workload)
        for c in other.containers
    ]
    usual = median([size for size in known if size] or [0.0])
    return sorted(
        {usual, limit * 2, limit * 4} if usual > limit * 2 else {limit * 2, limit * 4}, key=lambda s: s != usual
    )


def _cannot_start(case: Case, workload: Workload, container: JsonObject, trouble: Trouble) -> Hypothesis:
    name = str(container["name"])
    words = trouble.message or " ".join(messages(case.evidence, workload, "Failed", "BackOff")[:1])
    said = [f"{trouble.pod_name}: {trouble.reason} {words}"]
    reason = f"{workload.subject}: the container {name} cannot be started"
    wanted = in_container(
        name, "command", "args", "volumeMounts", "securityContext", "workingDir", "image", "lifecycle"
    )
    candidates = case.restorations(workload.obj, wanted, reason)
    groups = case.recent(workload.obj, wanted)
    if AS_ROOT.search(trouble.message):
        candidates += _as_siblings_run(case, workload, reason)
    else:
        candidates += command_candidates(case, workload, container, reason)
    candidates += case.rollbacks(workload, reason)
    said += [change.sentence() for group in groups[:1] for change in group]
    told = "config" if AS_ROOT.search(trouble.message) else "command"
    fault_class = changed_class(groups[0][0]) if groups else told
    return hypothesis(workload.subject, fault_class, 0.9, reason, said, candidates)


def _as_siblings_run(case: Case, workload: Workload, reason: str) -> list[Candidate]:
    """Without the demand for another user than root, where siblings run the same images without it."""
    images = {c.get("image") for c in workload.containers}
    free = [w for w in case.siblings(workload) if w.ready_pods and images & {c.get("image") for c in w.containers}
            and "runAsNonRoot" not in str(w.pod_spec)]  # fmt: skip

    def relaxed(obj: JsonObject) -> None:
        spec = Workload(obj).pod_spec
        for holder in (spec, *containers_of([spec])):
            (holder.get("securityContext") or {}).pop("runAsNonRoot", None)

    step = fixes.edit(workload.obj, relaxed) if free else None
    said = [f"{free[0].subject} runs the same image without runAsNonRoot"] if free else []
    return [fixes.candidate(Origin.DERIVE, [step], reason, said, worth=0.7)] if step else []


def _odd_command(case: Case, workload: Workload, container: JsonObject) -> bool:
    """Whether a container sets a command although no sibling of the same image does."""
    same = [c for w in case.siblings(workload) for c in w.containers if c.get("image") == container.get("image")]
    return bool(container.get("command")) and bool(same) and not any(c.get("command") for c in same)


def command_candidates(case: Case, workload: Workload, container: JsonObject, reason: str) -> list[Candidate]:
    """Other commands: what siblings of the same image run by their own name, else the image's own."""
    command = container.get("command") or []
    if not command and not container.get("args"):
        return []
    found = []
    same = [
        c for other in case.siblings(workload) for c in other.containers
        if c.get("image") == container.get("image") and c["name"] != container["name"]
    ]  # fmt: skip
    by_name = [c for c in same if c.get("command") == [_base(c["name"])] or c.get("command") == [c["name"]]]
    if by_name and command not in ([container["name"]], [workload.name]):
        step = fixes.set_field(workload.obj, container_path(workload, container, "command"), [workload.name])
        said = [f"containers of the same image run their own name, such as {by_name[0]['command']}"]
        found += [fixes.candidate(Origin.DERIVE, [step], reason, said)] if step else []
    elif command:
        bare = [c for c in same if not c.get("command")]
        step = fixes.set_field(workload.obj, container_path(workload, container, "command"), MISSING)
        said = (
            [f"{len(bare)} containers of the same image set no command"] if bare else ["the image has its own command"]
        )
        found += [fixes.candidate(Origin.DERIVE, [step], reason, said, worth=1.0 if bare else 0.8)] if step else []
    if container.get("args") and any(not c.get("args") for c in same):
        step = fixes.set_field(workload.obj, container_path(workload, container, "args"), MISSING)
        found += [fixes.candidate(Origin.DERIVE, [step], reason, worth=0.7)] if step else []
    return found


def _base(name: str) -> str:
    return name.rpartition("-")[2]


def _exits(case: Case, workload: Workload, container: JsonObject, trouble: Trouble) -> Iterator[Hypothesis]:
    """The process ends by itself: its last words say for want of what."""
    lines = case.evidence.log(trouble.pod, str(container["name"]))
    last = severe(lines)[-2:]
    facts = [
        f"{trouble.pod_name}: exit code {trouble.exit_code}, {trouble.restarts} restarts",
        *(f"log: {line}" for line in last),
    ]
    liveness = any("iveness probe failed" in m for m in messages(case.evidence, workload, "Unhealthy"))
    explained = liveness and container.get("livenessProbe") is not None and trouble.exit_code in (None, 0, 137, 143)
    for variable, line in missing_settings(lines):
        explained = True
        yield _missing_setting(case, workload, container, variable, line, facts)
    for path, line in missing_files(lines):
        explained = True
        lost = list(_lost_key(case, workload, container, path, line))
        yield from lost
        yield _missing_file(case, workload, container, path, line, facts, confidence=0.5 if lost else 0.88)
    if not explained:
        calls = [call for call in failed_calls(lines) if call.line in last]
        unstartable = trouble.exit_code in NOT_A_PROGRAM or _odd_command(case, workload, container)
        yield _crash(case, workload, container, facts, waits=bool(calls), unstartable=unstartable)


def _missing_setting(
    case: Case, workload: Workload, container: JsonObject, variable: str, line: str, facts: list[str]
) -> Hypothesis:
    reason = f"{workload.subject} does not start without the setting {variable}"
    candidates = settings.candidates(case, workload, container, variable, reason)
    said = [f"log: {line}", *facts[:1]]
    for group in case.recent(workload.obj, settings.about(variable))[:1]:
        said += [change.sentence() for change in group]
    confidence = 0.95 if candidates else 0.7
    candidates += case.rollbacks(workload, reason)
    return hypothesis(workload.subject, "config", confidence, reason, said, candidates)


def _missing_file(
    case: Case, workload: Workload, container: JsonObject, path: str, line: str, facts: list[str], *, confidence: float
) -> Hypothesis:
    """A file that should come from a volume: the mount, the volume or the key is wrong; or the variable that names it."""
    reason = f"{workload.subject} does not start without the file {path}"

    def wanted(change: Change) -> bool:
        return change.under("volumes", "volumeMounts") or path in f"{change.before} {change.after}"

    candidates = case.restorations(workload.obj, wanted, reason)
    said = [f"log: {line}", *facts[:1]]
    for group in case.recent(workload.obj, wanted)[:1]:
        said += [change.sentence() for change in group]
    program = path in " ".join(map(str, [*(container.get("command") or []), *(container.get("args") or [])]))
    if program:  # the file is what was told to run
        candidates += command_candidates(case, workload, container, reason)
    candidates += settings.file_candidates(case, workload, container, path, reason)
    candidates += case.rollbacks(workload, reason)
    return hypothesis(workload.subject, "command" if program else "config", confidence, reason, said, candidates)


def _lost_key(case: Case, workload: Workload, container: JsonObject, path: str, line: str) -> Iterator[Hypothesis]:
    """The ConfigMap that is mounted where the file should be was written since the workload was, and has no such key."""
    deployed = workload.revisions[0].created if workload.revisions else None
    leaf = path.rpartition("/")[2]
    for config in settings.mounted_at(case, workload, container, path.rpartition("/")[0]):
        written = data_written(config)
        if leaf in (config.get("data") or {}) or written is None or (deployed is not None and written < deployed):
            continue
        subject = subject_of(config)
        reason = f"{subject} was written at {written:%H:%M:%S} and has no key {leaf}; {workload.subject} reads {path}"
        candidates = settings.key_candidates(case, workload, config, leaf, reason)
        yield hypothesis(subject, "config", 0.94, reason, [f"log: {line}", reason], candidates,
                         affects=[workload.subject])  # fmt: skip


def _crash(
    case: Case, workload: Workload, container: JsonObject, facts: list[str], *, waits: bool, unstartable: bool
) -> Hypothesis:
    """No cause in the log. When its last words are of a failing call, the cause is more likely downstream."""
    name = str(container["name"])
    reason = f"{workload.subject} crashes"
    wanted = in_container(
        name, "image", "command", "args", "env", "envFrom", "volumeMounts", "securityContext", "resources"
    )
    groups = case.recent(workload.obj, wanted)
    candidates = case.restorations(workload.obj, wanted, reason)
    if unstartable:
        candidates += command_candidates(case, workload, container, reason)
    candidates += case.rollbacks(workload, reason)
    fault_class = _class_of(groups[0]) if groups else ("command" if unstartable else "unknown")
    said = [*facts, *(change.sentence() for change in (groups[0] if groups else []))]
    alone = 0.6 if unstartable else 0.4
    confidence = (0.45 if waits else 0.8) if groups else (0.25 if waits else alone)
    same = "; ".join(f"{c.path[-1]} {c.before} {c.after}" for c in groups[0]) if groups else ""
    return hypothesis(workload.subject, fault_class, confidence, reason, said, candidates, family=same)


def _class_of(changes: list[Change]) -> str:
    return changed_class(changes[0])
