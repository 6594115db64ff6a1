"""The action card of one transaction: what will be or was written, why, with which checks, and how it is taken back."""

from __future__ import annotations

from stratus.domain.machine import TxState
from stratus.domain.policy import Reversibility, Tier
from stratus.domain.steps import FieldChange
from stratus.domain.transactions import StepView, TxView, card_digest
from stratus_tui.render.glyphs import step_sign, tx_sign
from stratus_tui.render.lines import Line, Role, Row, Span, fit, labelled, line, wrap
from stratus_tui.render.stack import decided_by
from stratus_tui.render.values import clock, elapsed, field_value, severity, short
from stratus_tui.view import View, unknown_steps

GUTTER = 8
DIFF_SHOWN = 24
"""Changed fields in the card; ``y`` shows all."""

TIER_ROLES: dict[Tier, Role] = {
    Tier.WORKLOAD: "ok",
    Tier.SENSITIVE: "warn",
    Tier.CLUSTER: "bad",
    Tier.IRREVERSIBLE: "bad",
}
UNDO_ROLES: dict[Reversibility, Role] = {
    Reversibility.EXACT: "ok",
    Reversibility.EQUIVALENT: "warn",
    Reversibility.NONE: "bad",
}


def card(view: View, tx: TxView, width: int) -> list[Row]:
    """Sections from top to bottom: fate, command, why, fields, checks, undo, verdict."""
    room = max(20, width - 2)
    lines: list[Line] = [*_fate(view, tx, room), *_command(tx, room), *_why(tx, room)]
    several = len(tx.steps) > 1
    for step in tx.steps:
        lines += _step(step, tx, room, titled=several)
    lines += [*_risk(tx, room), *_people(tx, room), *_verdict(view, tx, room)]
    return [Row((Span(" "), *fit(each, room))) for each in lines]


def title(tx: TxView) -> str:
    """Of the card's border."""
    return f"TX {tx.id} · {tx.proposal.author} · {card_digest(tx)}"


def _command(tx: TxView, width: int) -> list[Line]:
    return [line(Span(text, "strong")) for text in wrap(tx.proposal.title, width, 3)]


def _why(tx: TxView, width: int) -> list[Line]:
    texts = [tx.proposal.reason, *tx.proposal.evidence]
    wrapped = [text for each in texts if each for text in wrap(each, width - GUTTER, 3)]
    return labelled("why", [line(text) for text in wrapped], width, GUTTER)


def _step(step: StepView, tx: TxView, width: int, *, titled: bool) -> list[Line]:
    lines: list[Line] = []
    if titled:
        sign = step_sign(step, tx)
        lines.append(
            line(Span(f"{sign.glyph} ", sign.role), f"step {step.number} {step.step.kind} {step.target}  ",
                 Span(sign.word, sign.role))
        )  # fmt: skip
    lines += labelled("diff", diff_lines(step.diff, width - GUTTER), width, GUTTER)
    lines += labelled("checks", [_checks(step)], width, GUTTER)
    if step.undo_plan:
        lines += labelled("undo", [line(text) for text in wrap(step.undo_plan, width - GUTTER, 2)], width, GUTTER)
    if step.refused:
        label = "answer" if step.outcome == "unknown" else "refused"
        texts = [line(Span(text, "bad")) for text in wrap(step.refused, width - GUTTER, 3)]
        lines += labelled(label, texts, width, GUTTER)
    if step.undone is not None:
        lines += labelled("undone", _undone(step, width - GUTTER), width, GUTTER)
    return lines


def diff_lines(diff: tuple[FieldChange, ...] | None, width: int, limit: int = DIFF_SHOWN) -> list[Line]:
    """Path, then ``- before`` and ``+ after`` of each changed field."""
    if diff is None:
        return [line(Span("not rehearsed yet", "dim"))]
    if not diff:
        return [line(Span("no field changes", "dim"))]
    lines: list[Line] = []
    for change in diff[:limit]:
        lines.append(fit(line(Span(change.path or "(the whole object)", "info")), width))
        if change.before is not None:
            lines.append(fit(line(Span(f"- {field_value(change.before)}", "del")), width))
        if change.after is not None:
            lines.append(fit(line(Span(f"+ {field_value(change.after)}", "add")), width))
    if len(diff) > limit:
        lines.append(line(Span(f"… {len(diff) - limit} more fields: y shows all", "dim")))
    return lines


def _checks(step: StepView) -> Line:
    parts = [
        _check("snapshot", step.snapshot is not None, short(step.snapshot or "") or "absent before"),
        _check("dry run", step.diff is not None and not _rehearsal_failed(step), failed=_rehearsal_failed(step)),
        _executed(step),
    ]
    spans: list[Span] = []
    for part in parts:
        spans += [Span(" · ", "dim"), part] if spans else [part]
    if step.cascade:
        spans.append(Span(f" · {len(step.cascade)} dependants in the snapshot", "dim"))
    return tuple(spans)


def _executed(step: StepView) -> Span:
    if step.outcome == "unknown":
        return Span("executed ?", "bad")
    return _check("executed", step.outcome == "applied", failed=step.outcome in ("refused", "neither"))


def _rehearsal_failed(step: StepView) -> bool:
    return bool(step.refused) and step.intent is None


def _check(word: str, done: bool, detail: str = "", *, failed: bool = False) -> Span:
    if failed:
        return Span(f"{word} ✗", "bad")
    return Span(f"{word} ✓ {detail}".rstrip(), "ok") if done else Span(f"{word} –", "dim")


def _undone(step: StepView, width: int) -> list[Line]:
    assert step.undone is not None
    lines = [
        line(Span(step.undone.result, "ok" if step.undone.result == "restored" else "warn"), f" {step.undone.reason}")
    ]
    for change in step.undone.conflicts:
        lines.append(line(Span(f"left alone, changed since: {change.path} = {field_value(change.after)}", "bad")))
    if step.undone.foreign:
        lines.append(line(Span(f"others' edits kept: {', '.join(step.undone.foreign)}", "dim")))
    return [fit(each, width) for each in lines]


def _risk(tx: TxView, width: int) -> list[Line]:
    verdicts = [step.classification for step in tx.steps if step.classification is not None]
    if not verdicts:
        return []
    tier = max((verdict.tier for verdict in verdicts), key=list(Tier).index)
    undo = max((verdict.reversibility for verdict in verdicts), key=list(Reversibility).index)
    objects = len({step.target for step in tx.steps})
    counted = f"{objects} object{'s' if objects > 1 else ''}"
    head = line(
        Span(tier.value, TIER_ROLES[tier]), " · undo ", Span(undo.value, UNDO_ROLES[undo]), f" · {counted} · ",
        f"mode {tx.mode.value if tx.mode else '?'}",
    )  # fmt: skip
    reasons = "; ".join(dict.fromkeys(verdict.reason for verdict in verdicts))
    rows = [head, *(line(Span(text, "dim")) for text in wrap(reasons, width - GUTTER, 2))]
    if tx.owners:
        rows.append(line(Span(f"▲ may be reverted by {', '.join(tx.owners)}", "warn")))
    return labelled("risk", rows, width, GUTTER)


def _people(tx: TxView, width: int) -> list[Line]:
    who = decided_by(tx)
    return labelled("decided", [line(text) for text in wrap(who, width - GUTTER, 2)], width, GUTTER) if who else []


def _verdict(view: View, tx: TxView, width: int) -> list[Line]:
    if tx.settled is None:
        return _settling(view, tx, width)
    role: Role = "ok" if tx.settled.commit else "bad"
    text = f"{'commit' if tx.settled.commit else 'abort'}: {tx.settled.reason}"
    lines = [line(Span(each, role)) for each in wrap(text, width - GUTTER, 2)]
    for finding in tx.settled.findings[:4]:
        lines.append(line(Span(f"{finding.weight:g} {finding.subject} {finding.reason} {finding.message}", "dim")))
    return labelled("verdict", lines, width, GUTTER)


def _settling(view: View, tx: TxView, width: int) -> list[Line]:
    if tx.state is not TxState.EXECUTED or unknown_steps(tx):
        return []
    since = tx.times.get(TxState.EXECUTED, tx.changed_at)
    now, before = view.board.health.severity, tx.severity_before
    text = f"SETTLING {elapsed(since, view.now)} · μ {severity(before)} → {severity(now)} · then the verdict: commit or undo"
    return labelled("verdict", [line(Span(text, "live"))], width, GUTTER)


def _fate(view: View, tx: TxView, width: int) -> list[Line]:
    """What came of it, first, when it is over or in doubt."""
    if tx.state is TxState.DIVERGED:
        return _diverged(tx, width)
    if not tx.ended and unknown_steps(tx):
        return _unknown(tx, width)
    if tx.state is TxState.UNDOING:
        return [line(Span(text, "live")) for text in wrap(f"↶ UNDOING, newest step first: {tx.reason}", width, 2)] + [
            ()
        ]
    if not tx.ended:
        return []
    sign, took = tx_sign(tx, view.now), ""
    if tx.ended_at is not None:
        took = f" {clock(tx.ended_at)} after {elapsed(tx.proposed_at, tx.ended_at)}"
    return [line(Span(text, sign.role)) for text in wrap(f"{sign.glyph} {sign.word}{took}{_outcome(tx)}", width, 2)] + [
        ()
    ]


def _outcome(tx: TxView) -> str:
    if tx.state is TxState.COMMITTED:
        return f" · μ {severity(tx.severity_before)} → {severity(tx.severity_after)} · u undoes it"
    if tx.state is TxState.RESTORED:
        return f" · every changed field reads as before · {tx.reason}"
    return f" · nothing was written · {tx.reason}"


def _diverged(tx: TxView, width: int) -> list[Line]:
    count = len(tx.diverged_fields)
    fields = f"{count} field{'' if count == 1 else 's'} not restored"
    head = line(Span(f" ✗ DIVERGED · a human is needed now · {fields} ", "banner"))
    lines: list[Line] = [head]
    lines += [line(Span(text, "bad")) for text in wrap(tx.reason, width, 2)]
    lines += labelled("fields", [line(Span(field, "del")) for field in tx.diverged_fields], width, GUTTER)
    todo = (
        "1 look: y has YAML of what was, kubectl get of what is",
        "2 settle each field above with whoever changed it",
        f"3 once nothing stands in its way, u asks to undo the rest of {tx.id}",
    )
    lines += labelled("to do", [line(text) for text in todo], width, GUTTER)
    told = (
        "the incident is escalated; no further step is taken in it"
        if tx.incident
        else f"its author, {tx.proposal.author}"
    )
    return [*lines, *labelled("told", [line(told)], width, GUTTER), ()]


def _unknown(tx: TxView, width: int) -> list[Line]:
    steps = ", ".join(f"step {step.number} {step.step.kind} {step.target}" for step in unknown_steps(tx))
    text = f"? OUTCOME UNKNOWN · {steps} was sent and its answer was lost"
    rest = "STRATUS reads the object until it knows whether the write landed; nothing else is sent until then."
    return [*(line(Span(t, "bad")) for t in wrap(text, width, 2)), *(line(t) for t in wrap(rest, width, 2)), ()]
