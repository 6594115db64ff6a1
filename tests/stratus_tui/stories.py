"""Logs of incidents as lists of events with times: the pictures and the behaviour tests tell these stories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from stratus.domain import events as e
from stratus.domain.base import JsonObject
from stratus.domain.commands import Command
from stratus.domain.machine import IncidentState as S
from stratus.domain.objects import ClusterIdentity, ObjectRef, Subject
from stratus.domain.policy import Classification, Mode, Reversibility, Tier
from stratus.domain.severity import Checkpoint, Finding
from stratus.domain.steps import FieldChange, PatchStep, Proposal, ScaleStep
from stratus.testing.memory import EPOCH, MemoryLog
from stratus_tui.view import Replay

HOTEL = ("frontend", "geo", "profile", "rate", "recommendation", "reservation", "search", "user")
ORACLES = ("workloads", "requests", "alerts", "nodes")
GOOD, BAD = "registry/hotel:1.0", "registry/hotel:9.9"


class StorySource:
    """A LogSource over a list of events, with a clock and a heartbeat that the test owns."""

    def __init__(self, log: MemoryLog, now: datetime) -> None:
        self.log = log
        self.time = now
        self.beat: datetime | None = now
        self.replay: Replay | None = None
        self._read = 0

    def poll(self) -> Sequence[e.Recorded]:
        """New events."""
        recorded = self.log.read(after=self._read)
        self._read += len(recorded)
        return recorded

    def heartbeat(self) -> datetime | None:
        """As set by the test."""
        return self.beat

    def now(self) -> datetime:
        """As set by the test."""
        return self.time

    def fetch(self, digest: str) -> JsonObject:
        """From the log's snapshots."""
        return self.log.snapshots.get(digest)

    def post(self, command: Command, *, actor: str, surface: str, key: str = "") -> str:
        """Into the log's inbox."""
        return self.log.inbox.post(command, actor=actor, surface=surface, key=key)


class Story:
    """Tells events at seconds after the start. Every method returns the story, so that they read as one."""

    def __init__(self, mode: Mode = Mode.VETO, namespaces: tuple[str, ...] = ("hotel",)) -> None:
        self._second = 0.0
        self.log = MemoryLog(lambda: EPOCH + timedelta(seconds=self._second))
        self._incident = ""
        self._state = S.DETECTING
        cluster = ClusterIdentity(uid="c1", server="https://10.0.0.1:6443", context="prod-eu", version="v1.31.4")
        self.tell(
            e.EngineStarted(
                holder="laptop-7f2", version="0.1.0", cluster=cluster, namespaces=namespaces, mode=mode,
                veto_window=30, mind="playbook", oracles=ORACLES,
            ),
            e.LeaseChanged(held=True, holder="laptop-7f2"),
        )  # fmt: skip

    @property
    def now(self) -> datetime:
        """The time of the last event."""
        return EPOCH + timedelta(seconds=self._second)

    def source(self, later: float = 0.0) -> StorySource:
        """The log as a source, looked at ``later`` seconds after the last event."""
        return StorySource(self.log, self.now + timedelta(seconds=later))

    def after(self, seconds: float) -> Story:
        """Time passes."""
        self._second += seconds
        return self

    def tell(self, *events: e.Event) -> Story:
        """Something happens now."""
        self.log.append(*events)
        return self

    def workloads(self, **notes: tuple[int, int, str, str]) -> Story:
        """The hotel's rows; ``geo=(0, 1, "failed", "ImagePullBackOff")`` differ from ready."""
        rows = []
        for name in HOTEL:
            ready, desired, state, note = notes.get(name, (1, 1, "ok", ""))
            rows.append(
                e.WorkloadRow.model_validate(
                    {"subject": subject(name), "ready": ready, "desired": desired, "state": state, "note": note}
                )
            )
        return self.tell(e.WorkloadsChanged(changed=tuple(rows)))

    def sample(self, *findings: Finding, blind: tuple[str, ...] = ()) -> Story:
        """What the oracles see."""
        mu = None if blind else sum(finding.weight for finding in findings)
        seen = tuple(name for name in ORACLES[:3] if name not in blind)
        return self.tell(e.HealthSample(severity=mu, findings=findings, blind=blind, observing=seen))

    def healthy(self) -> Story:
        """All is well."""
        return self.workloads().sample()

    def incident(self, number: str, title: str, *findings: Finding) -> Story:
        """An incident opens with a sample of its findings."""
        self._incident, self._state = number, S.DETECTING
        self.sample(*findings)
        severity = sum(finding.weight for finding in findings)
        return self.tell(e.IncidentOpened(incident=number, title=title, severity=severity, findings=findings))

    def phase(self, after: S, reason: str = "") -> Story:
        """The machine moves."""
        self.tell(e.PhaseChanged(incident=self._incident, before=self._state, after=after, reason=reason))
        self._state = after
        return self

    def said(self, role: str, kind: str, text: str) -> Story:
        """One line of the transcript."""
        fields = {"incident": self._incident, "role": role, "kind": kind, "text": text}
        return self.tell(e.AgentSaid.model_validate(fields))

    def propose(
        self, tx: str, proposal: Proposal, *diff: FieldChange, tier: Tier = Tier.WORKLOAD, mode: Mode = Mode.VETO
    ) -> Story:
        """From the proposal to the rehearsed dry run."""
        verdicts = tuple(
            Classification(reversibility=Reversibility.EXACT, tier=tier, reason="fields of one workload")
            for _ in proposal.steps
        )
        self.tell(
            e.TxProposed(tx=tx, incident=self._incident, cluster="c1", proposal=proposal),
            e.TxClassified(tx=tx, steps=verdicts, mode=mode),
        )
        for number, step in enumerate(proposal.steps, 1):
            digest = self.log.snapshots.put(live_object(step.target))
            self.tell(
                e.SnapshotTaken(
                    tx=tx, step=number, target=step.target, snapshot=digest, uid="u1", resource_version="41"
                )
            )
        for number, step in enumerate(proposal.steps, 1):
            undo = f"put the changed fields of {step.target} back, ownership included"
            self.tell(e.StepRehearsed(tx=tx, step=number, diff=diff, post_image="q1", undo=undo))
        return self

    def window(self, tx: str, seconds: float = 30.0, wants: str = "veto") -> Story:
        """A decision window opens."""
        deadline = self.now + timedelta(seconds=seconds)
        return self.tell(
            e.TxAwaiting.model_validate({"tx": tx, "wants": wants, "seconds": seconds, "deadline": deadline})
        )

    def go(self, tx: str, *findings: Finding, decision: str = "go", by: str = "time") -> Story:
        """The window closes; a checkpoint with ``findings`` is taken."""
        severity = sum(finding.weight for finding in findings)
        checkpoint = Checkpoint(severity=severity, findings=findings, observing=ORACLES[:3], initial=severity)
        return self.tell(
            e.TxDecided.model_validate({"tx": tx, "decision": decision, "by": by}),
            e.CheckpointTaken(tx=tx, checkpoint=checkpoint),
        )

    def write(self, tx: str, proposal: Proposal, outcome: str = "applied", step: int = 1) -> Story:
        """One step is intended and sent."""
        self.tell(self.intent(tx, proposal, step))
        return self.tell(
            e.StepExecuted.model_validate({"tx": tx, "step": step, "outcome": outcome, "post_image": "q1"})
        )

    def intent(self, tx: str, proposal: Proposal, step: int = 1) -> e.StepIntended:
        """Durable before the write."""
        write, before = proposal.steps[step - 1], self.pre_image(tx)
        return e.StepIntended(tx=tx, step=step, write=write, pre_image=before, post_image="q1", lease="l1")

    def pre_image(self, tx: str) -> str:
        """The hash of the first snapshot of a transaction."""
        taken = (each.event for each in self.log.recorded if isinstance(each.event, e.SnapshotTaken))
        return next(event.snapshot for event in taken if event.tx == tx)

    def settle(self, tx: str, *findings: Finding, commit: bool, reason: str) -> Story:
        """The verdict, after a sample of what there is now."""
        self.sample(*findings)
        severity = sum(finding.weight for finding in findings)
        return self.tell(e.TxSettled(tx=tx, severity=severity, findings=findings, commit=commit, reason=reason))


def subject(name: str, kind: str = "Deployment", namespace: str = "hotel") -> Subject:
    """Of a finding or a row."""
    return Subject(kind=kind, namespace=namespace, name=name)


def deployment(name: str) -> ObjectRef:
    """A target."""
    return ObjectRef(api_version="apps/v1", kind="Deployment", namespace="hotel", name=name)


def live_object(target: ObjectRef) -> JsonObject:
    """What a snapshot of a Deployment of the hotel holds."""
    container = {"name": target.name, "image": BAD}
    return {
        "apiVersion": target.api_version, "kind": target.kind,
        "metadata": {"namespace": target.namespace, "name": target.name},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}},
    }  # fmt: skip


REQUESTS_FAIL = Finding(
    oracle="requests", subject=subject("frontend", "Probe"), reason="RequestsFail", weight=5,
    message="100 % of requests to /hotels fail with 502",
)  # fmt: skip
GEO_DOWN = Finding(
    oracle="workloads", subject=subject("geo"), reason="Unavailable", weight=3, message="0 of 1 ready: ImagePullBackOff"
)
SEARCH_DOWN = Finding(
    oracle="workloads", subject=subject("search"), reason="Degraded", weight=1, message="0 of 1 ready since the restart"
)

RESTART = Proposal(
    steps=(
        PatchStep(
            target=deployment("search"), patch_type="strategic",
            patch={"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "02:14:31"}}}}},
        ),
    ),
    reason="search answers 502: restarting it may clear a stuck connection",
    evidence=("search returns 502 for 12 of 12 requests",),
    author="agent:mitigation",
    command="kubectl rollout restart deployment/search -n hotel",
)  # fmt: skip
RESTART_DIFF = FieldChange(
    path="spec.template.metadata.annotations[kubectl.kubernetes.io/restartedAt]", after="2026-01-01T02:14:31Z"
)
SET_IMAGE = Proposal(
    steps=(
        PatchStep(
            target=deployment("geo"), patch_type="strategic",
            patch={"spec": {"template": {"spec": {"containers": [{"name": "geo", "image": GOOD}]}}}},
        ),
    ),
    reason="geo cannot pull its image; the image before the change of 02:13:51 was good",
    evidence=(
        "geo-7c9 ErrImagePull since 02:13:55",
        "image changed 02:13:51 by kubectl-set: hotel:1.0 → hotel:9.9",
        "frontend → search → geo: geo is the first failing hop",
    ),
    author="agent:mitigation",
    command=f"kubectl set image deployment/geo geo={GOOD} -n hotel",
)  # fmt: skip
IMAGE_DIFF = FieldChange(path="spec.template.spec.containers[name=geo].image", before=BAD, after=GOOD)
SCALE_TWO = Proposal(
    steps=(ScaleStep(target=deployment("rate"), replicas=2), ScaleStep(target=deployment("user"), replicas=2)),
    reason="more headroom", author="human:ana", command="kubectl scale deployment/rate deployment/user --replicas=2",
)  # fmt: skip


def healthy() -> Story:
    """Nothing wrong, with an incident of the past."""
    story = Story().healthy().after(30)
    story.incident("11", "rate is scaled to zero", GEO_DOWN).phase(S.DIAGNOSING).after(4).phase(
        S.RESOLVED, "cured by its owner"
    )
    return story.after(60).healthy().after(120)


def detecting() -> Story:
    """Findings, and the agents at work."""
    story = Story().healthy().after(40)
    story.workloads(geo=(0, 1, "failed", "ImagePullBackOff"), frontend=(1, 1, "degraded", "502"))
    story.incident("12", "requests to frontend fail; geo has no ready pod", REQUESTS_FAIL, GEO_DOWN).after(1)
    story.said("detection", "observation", "3 findings: requests 100 % failed, geo 0/1, alert HotelRequestsFail").after(
        1
    )
    return story.phase(S.DIAGNOSING, "two oracles agree").said("diagnosis", "tool", "events of deployment/geo").after(1)


def attempt_one() -> Story:
    """A first transaction that made it worse and was undone."""
    story = detecting()
    story.said("diagnosis", "observation", "geo-7c9 ErrImagePull: registry/hotel:9.9 not found").after(2)
    story.said(
        "diagnosis", "conclusion", "what changed: image of deployment/geo 1.0 → 9.9 at 02:13:51, by kubectl-set"
    ).after(1)
    story.tell(
        e.DiagnosisMade(
            incident="12", component="deployment/geo", namespace="hotel", fault_class="wrong image", confidence=0.93,
            summary="geo cannot pull its image", evidence=("ErrImagePull since 02:13:55", "image changed 02:13:51"),
        )
    )  # fmt: skip
    story.phase(S.PLANNING).said("mitigation", "thought", "1 restart search  2 image of geo back to 1.0").after(1)
    story.propose("12.1", RESTART, RESTART_DIFF).phase(S.MITIGATING).go("12.1", REQUESTS_FAIL, GEO_DOWN)
    story.write("12.1", RESTART).after(6).phase(S.VERIFYING)
    story.settle("12.1", REQUESTS_FAIL, GEO_DOWN, SEARCH_DOWN, commit=False, reason="severity 9 is above 8").after(1)
    return story


def restored() -> Story:
    """The first attempt is undone and proven."""
    story = attempt_one().phase(S.UNDOING).tell(e.UndoStarted(tx="12.1", reason="severity 9 is above 8", by="engine"))
    story.after(2).tell(e.StepUndone(tx="12.1", step=1, result="restored"))
    story.sample(REQUESTS_FAIL, GEO_DOWN).tell(e.TxRestored(tx="12.1", severity=8.0))
    story.phase(S.REFLECTING).said(
        "undo", "conclusion", "12.1 restored: severity 8 → 9 → 8; search was a symptom"
    ).after(1)
    return story


def proposal(mode: Mode = Mode.VETO, tier: Tier = Tier.WORKLOAD) -> Story:
    """The second attempt is rehearsed, its window not open yet."""
    story = restored().phase(S.PLANNING, "restart ruled out").after(1).phase(S.MITIGATING)
    return story.propose("12.2", SET_IMAGE, IMAGE_DIFF, tier=tier, mode=mode)


def waiting(seconds: float = 30.0) -> Story:
    """The second attempt's window is open."""
    return proposal().window("12.2", seconds)


def held() -> Story:
    """Somebody stopped the clock."""
    return waiting().after(5).tell(e.TxHeld(tx="12.2", by="human:ana", surface="slack"))


def approval(tier: Tier = Tier.SENSITIVE) -> Story:
    """A person must say yes."""
    return proposal(Mode.APPROVE, tier).window("12.2", 1800, "approval")


def executing() -> Story:
    """The intent is durable, the write is on its way."""
    story = waiting().after(30).go("12.2", REQUESTS_FAIL, GEO_DOWN)
    return story.tell(story.intent("12.2", SET_IMAGE))


def settling() -> Story:
    """Written; the rollout is under way."""
    story = executing().after(0.2).tell(e.StepExecuted(tx="12.2", step=1, outcome="applied", post_image="q1"))
    return (
        story.phase(S.VERIFYING)
        .workloads(geo=(0, 1, "moving", "rollout 1 of 1"))
        .after(4)
        .sample(REQUESTS_FAIL)
        .after(1)
    )


def committed() -> Story:
    """It helped and is kept; the incident is over."""
    story = settling().workloads().settle("12.2", commit=True, reason="severity 8 → 0")
    story.tell(e.TxCommitted(tx="12.2", severity=0.0, initial=8.0)).phase(S.RESOLVED, "no finding is left")
    return story.said("conductor", "conclusion", "incident 12 resolved: the image of geo is back at 1.0")


def unknown() -> Story:
    """The answer to the write was lost."""
    return executing().after(5).tell(e.StepExecuted(tx="12.2", step=1, outcome="unknown", reason="connection reset"))


def diverged() -> Story:
    """Undo met an edit of somebody else."""
    story = (
        settling().settle("12.2", REQUESTS_FAIL, GEO_DOWN, commit=False, reason="not settled at the deadline").after(1)
    )
    story.phase(S.UNDOING).tell(e.UndoStarted(tx="12.2", reason="not settled at the deadline", by="engine")).after(1)
    conflict = FieldChange(path=IMAGE_DIFF.path, before=GOOD, after="registry/hotel:2.0")
    story.tell(e.StepUndone(tx="12.2", step=1, result="conflict", conflicts=(conflict,), foreign=("spec.replicas",)))
    story.tell(
        e.TxDiverged(tx="12.2", fields=(IMAGE_DIFF.path,), reason="the image was changed by argocd after our write")
    )
    return story.phase(S.ESCALATED, "12.2 diverged").after(3)


def escalated() -> Story:
    """Handed over."""
    story = restored().tell(e.EvidenceCaptured(incident="12", tx="12.1", what="logs of search-5d8", snapshot="gone"))
    return story.phase(S.ESCALATED, "no candidate is left: 1 tried, 1 undone").after(8)


def paused() -> Story:
    """Everything is paused while an incident is open."""
    return detecting().tell(e.Paused(by="human:ana")).after(12)


def observing() -> Story:
    """A proposal that the mode does not let through."""
    story = Story(mode=Mode.OBSERVE).healthy().after(10)
    story.workloads(geo=(0, 1, "failed", "ImagePullBackOff")).incident("12", "geo has no ready pod", GEO_DOWN).after(3)
    story.phase(S.DIAGNOSING).phase(S.PLANNING).propose("12.1", SET_IMAGE, IMAGE_DIFF, mode=Mode.OBSERVE)
    story.tell(e.TxCancelled(tx="12.1", cause="denied", reason="mode observe: proposed only"))
    return story.phase(S.ESCALATED, "mode observe: nothing may be written").after(5)


def another_writer() -> Story:
    """The lease is somebody else's."""
    return (
        Story().healthy().after(5).tell(e.LeaseChanged(held=False, holder="cron-91b", reason="held by another journal"))
    )


def many_workloads() -> Story:
    """Three hundred of them in two namespaces."""
    story = Story(namespaces=("hotel", "shop")).healthy().after(10)
    rows = [
        e.WorkloadRow.model_validate(
            {
                "subject": subject(f"service-{number:03}", namespace="shop" if number % 2 else "hotel"),
                "ready": 0 if number % 97 == 3 else 2, "desired": 2,
                "state": "failed" if number % 97 == 3 else "degraded" if number % 61 == 7 else "ok", "note": "",
            }
        )
        for number in range(292)
    ]  # fmt: skip
    return story.tell(e.WorkloadsChanged(changed=tuple(rows))).after(5)


HOSTILE = "[bold red]geo[/]\x1b[2J\x1b]0;pwned\x07‮txt.exe​\r\n[@click=app.bell]click[/]"


def hostile() -> Story:
    """Names and logs that try to steer the terminal."""
    story = Story(namespaces=("hotel",)).healthy().after(20)
    finding = Finding(oracle="workloads", subject=subject(HOSTILE), reason=HOSTILE, weight=3, message=HOSTILE * 3)
    story.tell(
        e.WorkloadsChanged.model_validate(
            {"changed": [{"subject": subject(HOSTILE), "ready": 0, "desired": 1, "state": "failed", "note": HOSTILE}]}
        )
    )
    story.incident("12", HOSTILE, finding).phase(S.DIAGNOSING, HOSTILE).said("diagnosis", "observation", HOSTILE * 4)
    story.said("diagnosis", "conclusion", "ホテル予約サービス 🚨 全角 wide characters keep their columns")
    evil = Proposal(
        steps=(PatchStep(target=deployment("geo"), patch_type="merge", patch={"metadata": {"labels": {"x": HOSTILE}}}),),
        reason=HOSTILE, evidence=(HOSTILE,), author="agent:mitigation", command=f"kubectl label deployment/geo x='{HOSTILE}'",
    )  # fmt: skip
    change = FieldChange(path="metadata.labels.x", before=None, after=HOSTILE)
    return story.phase(S.PLANNING).phase(S.MITIGATING).propose("12.1", evil, change).window("12.1").after(4)
