"""Which hypothesis first, and which change first: explains the most, upstream cause before symptom, proven before hopeful."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from agents.minds.base import PRIOR, Candidate, Hypothesis, Reflection
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case
from stratus.domain.objects import Subject

EXPLAINS: Final = 0.45
"""Share of a hypothesis' rank that depends on how much of the severity it explains."""
BLAMES_SYMPTOM: Final = 0.75
"""Factor for a component whose own dependencies are in trouble too: it may only suffer."""
BLAMED: Final = 0.7
"""From this confidence on a component is blamed: that it changed lately where it hurts is not enough."""
BELIEVED: Final = 0.1
"""Nothing is changed for a hypothesis that is less probable: what is well would pay for the guess."""
DONE: Final = ("committed", "restored")
"""Outcomes of changes that were made: what they left teaches something about the cause."""
KNOWN: Final = 0.8
"""From this confidence on the first hypothesis is taken for the cause."""
LESSON: Final = 0.8
"""Factor for each change of a hypothesis that was tried in vain."""
FRESH: Final = timedelta(hours=1)
FRESH_BONUS: Final = 1.06
FAMILY_AT_MOST: Final = 20


def ranked(case: Case, hypotheses: Iterable[Hypothesis]) -> list[Hypothesis]:
    """Merged, joined with their like, and ordered: the most probable cause first."""
    merged = _merge(hypotheses)
    blamed = {h.component for h in merged if h.confidence >= BLAMED}
    scored = [h.scored(h.confidence * _weight(case, h, blamed)) for h in _families(merged)]
    return sorted(scored, key=lambda h: (-h.confidence, h.component.path, h.fault_class))


def candidates(
    hypotheses: Sequence[Hypothesis], reflections: Sequence[Reflection]
) -> list[tuple[Candidate, Hypothesis]]:
    """Candidates of all hypotheses in the order in which to try them, without those tried before."""
    tried = _tried(reflections)
    floor = _floor(hypotheses, reflections, tried)
    best: dict[str, tuple[float, Candidate, Hypothesis]] = {}
    for each in (h for h in hypotheses if h.confidence >= floor):
        vain = sum(1 for r in reflections if r.hypothesis == each.key and r.failed)
        for candidate in each.candidates:
            score = candidate.score * each.confidence * LESSON**vain
            mark = candidate.fingerprint
            if mark not in tried and score > best.get(mark, (0.0,))[0]:
                best[mark] = (score, replace(candidate, score=score), each)
    order = sorted(best.values(), key=lambda item: -item[0])
    return [(candidate, each) for _, candidate, each in order]


def _floor(hypotheses: Sequence[Hypothesis], reflections: Sequence[Reflection], tried: Collection[str]) -> float:
    """How probable a hypothesis must be to be acted upon.

    Where the cause is known, but nothing can or may be done about it (people or the server said no), what is much less
    probable is not tried in its place: a refusal says nothing against the cause, and what is well would pay for the guess.
    """
    for cause in hypotheses[:1]:
        left = any(candidate.fingerprint not in tried for candidate in cause.candidates)
        disproved = any(r.hypothesis == cause.key and r.outcome in DONE for r in reflections)
        if cause.confidence >= KNOWN and not left and not disproved:
            return cause.confidence / 2
    return BELIEVED


def _tried(reflections: Sequence[Reflection]) -> set[str]:
    """What is not proposed again. A change that was undone before another one helped failed in another state."""
    last = max((i for i, r in enumerate(reflections) if r.outcome == "committed"), default=-1)
    return {r.fingerprint for i, r in enumerate(reflections) if i >= last or r.outcome != "restored"}


def _merge(hypotheses: Iterable[Hypothesis]) -> list[Hypothesis]:
    """One hypothesis per component and class: the surest one speaks, all candidates and all evidence count."""
    groups: dict[tuple[str, str], list[Hypothesis]] = {}
    for each in hypotheses:
        groups.setdefault(each.key, []).append(each)
    merged = []
    for group in groups.values():
        group.sort(key=lambda h: -h.confidence)
        said = tuple(dict.fromkeys(text for h in group for text in h.evidence))[:8]
        found: dict[str, Candidate] = {}
        for h in group:
            for candidate in h.candidates:
                # what a vaguer hypothesis proposes for the same component counts as much less as it is less sure
                weighed = replace(candidate, score=candidate.score * h.confidence / group[0].confidence)
                kept = found.get(candidate.fingerprint)
                if kept is None or weighed.score > kept.score:
                    found[candidate.fingerprint] = weighed
        affects = frozenset().union(*(h.affects for h in group))
        merged.append(replace(group[0], evidence=said, candidates=tuple(found.values()), affects=affects))
    return merged


def _families(hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
    """The same mistake on several components becomes one hypothesis on the first, with one change for all of them."""
    groups: dict[tuple[str, str], list[Hypothesis]] = {}
    single = []
    for each in hypotheses:
        if each.family and each.candidates:
            groups.setdefault((each.fault_class, each.family), []).append(each)
        else:
            single.append(each)
    for group in groups.values():
        single += group if len(group) == 1 else [_joined(group), *group]
    return single


def _joined(group: Sequence[Hypothesis]) -> Hypothesis:
    firsts = [max(h.candidates, key=lambda c: c.score) for h in group[:FAMILY_AT_MOST]]
    steps = tuple(step for candidate in firsts for step in candidate.proposal.steps)[:FAMILY_AT_MOST]
    names = ", ".join(str(h.component) for h in group[:4]) + (f" and {len(group) - 4} more" if len(group) > 4 else "")
    reason = f"the same mistake on {len(group)} components: {names}"
    origin = max((c.origin for c in firsts), key=lambda o: -PRIOR[o])
    together = fixes.candidate(origin, steps, reason, [text for h in group for text in h.evidence[:1]][:6], worth=1.0)
    affects = frozenset().union(*(h.affects for h in group))
    summary = f"{group[0].summary} (and {len(group) - 1} more)"
    return replace(group[0], candidates=(together,), affects=affects, summary=summary)


def _weight(case: Case, hypothesis: Hypothesis, blamed: set[Subject]) -> float:
    total = sum(f.weight for f in case.evidence.findings)
    reach = frozenset().union(*(case.topology.upstream(subject) for subject in hypothesis.affects))
    explained = sum(f.weight for f in case.evidence.findings if case.entry(f.subject) in reach)
    weight = 1 - EXPLAINS + EXPLAINS * (explained / total if total else 0.0)
    needs = case.topology.downstream(hypothesis.component) - case.topology.upstream(hypothesis.component)
    if (needs & blamed) - hypothesis.affects:
        weight *= BLAMES_SYMPTOM
    return weight * (FRESH_BONUS if _fresh(case, hypothesis) else 1.0)


def _fresh(case: Case, hypothesis: Hypothesis) -> bool:
    """Whether the component changed lately: most incidents follow a change."""
    subject = hypothesis.component
    obj = case.evidence.get(subject.kind, subject.namespace, subject.name)
    times = [c.at for c in case.evidence.changes(obj) if c.at] if obj is not None else []
    return any(case.evidence.at - at < FRESH for at in times)
