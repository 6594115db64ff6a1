"""What a log says, and whether it speaks of now: lines of an incident that is over must not lead anybody anywhere."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from agents.evidence.gather import gather
from agents.evidence.logs import failed_calls, stamped
from agents.minds.playbook.analysers import backoff
from agents.minds.playbook.case import Case
from stratus.domain.severity import Finding
from tests.agents.world import START, World, container, deployment, finding, pod, service

CALL = "ERROR call to geo:8080 failed: connection refused"
OLD, NEW = "2026-01-01T01:40:00.123456789Z", "2026-01-01T01:59:30.123456789Z"


def test_lines_are_told_from_their_times() -> None:
    text = f"{OLD} {CALL}\n{NEW} \nno time here\n"
    assert list(stamped(text)) == [
        (datetime(2026, 1, 1, 1, 40, 0, 123456, tzinfo=UTC), CALL),
        (datetime(2026, 1, 1, 1, 59, 30, 123456, tzinfo=UTC), ""),
        (None, "no time here"),
    ]


def case(log: str, *findings: Finding) -> Case:
    web, geo = deployment("web", container("web", env=[{"name": "GEO", "value": "geo:8080"}])), deployment("geo")
    talker = pod(web)

    class Talking(World):
        async def logs(self, namespace: str, pod: str, container: str = "", **_: object) -> str:  # type: ignore[override]
            return log if pod == talker["metadata"]["name"] else ""

    world = Talking([web, talker, geo, pod(geo), service("web"), service("geo")], lambda now: list(findings))

    async def look() -> Case:
        return Case(await gather(world, ("shop",), await world.observe(), at=START))

    return Case(asyncio.run(look()).evidence)


ALERT = finding("Service", "web", "AlertCritical")
FAILING = finding("Service", "web", "RequestsFail")


def suspects(log: str, *findings: Finding) -> list[str]:
    return [each.component.name for each in backoff.analyse(case(log, *findings))]


def test_old_lines_are_kept_and_do_not_count_as_fresh() -> None:
    found = case(f"{OLD} {CALL}\n{NEW} hello\n", FAILING)
    talker = next(w for w in found.evidence.workloads if w.name == "web").pods[0]
    assert found.evidence.log(talker) == [CALL, "hello"]
    assert found.evidence.log(talker, fresh=True) == ["hello"]
    assert [call.host for call in failed_calls(found.evidence.log(talker))] == ["geo"]


def test_the_way_to_the_cause_follows_calls_that_fail_now() -> None:
    assert suspects(f"{NEW} {CALL}\n", FAILING) == ["geo"]
    assert suspects(f"{OLD} {CALL}\n", FAILING) == ["web"]


def test_an_alert_alone_restarts_nobody() -> None:
    assert suspects(f"{OLD} {CALL}\n", ALERT) == []
    assert suspects(f"{NEW} {CALL}\n", ALERT) == ["geo"]
