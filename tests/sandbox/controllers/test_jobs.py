"""Jobs and CronJobs, and the schedules of the latter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from stratus.sandbox.controllers import schedule
from stratus.sandbox.objects import name_of, status_of
from tests.sandbox.life import NAMESPACE, SHELL, Lab, condition

JOBS, CRON_JOBS = "jobs.batch", "cronjobs.batch"


def template(script: str, policy: str = "Never", **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": SHELL, "command": ["sh", "-c", script]}
    return {"spec": {"restartPolicy": policy, "terminationGracePeriodSeconds": 0, "containers": [container], **spec}}


def make_job(lab: Lab, name: str, script: str, policy: str = "Never", **spec: Any) -> None:
    body = {"template": template(script, policy), **spec}
    metadata = {"name": name, "namespace": NAMESPACE}
    lab.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": body})


def make_cron(lab: Lab, name: str, script: str, when: str, policy: str = "Allow", **spec: Any) -> None:
    body = {"schedule": when, "concurrencyPolicy": policy, **spec}
    body["jobTemplate"] = {"spec": {"template": template(script)}}
    metadata = {"name": name, "namespace": NAMESPACE}
    lab.create({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": body})


def test_a_job_runs_its_completions_within_its_parallelism(lab: Lab) -> None:
    make_job(lab, "work", "sleep 5", completions=3, parallelism=2)
    lab.advance(2)
    assert status_of(lab.get(JOBS, "work"))["active"] == 2
    lab.advance(20)
    status = status_of(lab.get(JOBS, "work"))
    assert status["succeeded"] == 3 and "active" not in status and status["completionTime"]
    assert condition(lab.get(JOBS, "work"), "Complete")[0] == "True"
    assert lab.events("work", "Completed") == ["Job completed"]


def test_a_failing_job_gives_up_at_its_limit(lab: Lab) -> None:
    make_job(lab, "work", "exit 1", backoffLimit=2)
    lab.advance(120)
    assert condition(lab.get(JOBS, "work"), "Failed") == ("True", "BackoffLimitExceeded")
    assert status_of(lab.get(JOBS, "work"))["failed"] == 3
    assert lab.events("work", "BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]


def test_a_job_that_takes_too_long_fails(lab: Lab) -> None:
    make_job(lab, "work", "sleep 1000", activeDeadlineSeconds=30)
    lab.advance(40)
    assert condition(lab.get(JOBS, "work"), "Failed") == ("True", "DeadlineExceeded")
    assert lab.names("pods") == []


def test_indexed_jobs_complete_every_index(lab: Lab) -> None:
    make_job(lab, "work", "sleep 1", completions=3, parallelism=3, completionMode="Indexed")
    lab.advance(10)
    indexes = [
        pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
        for pod in lab.cluster.store.list("pods", NAMESPACE)
    ]
    assert sorted(indexes) == ["0", "1", "2"]
    assert condition(lab.get(JOBS, "work"), "Complete")[0] == "True"


def test_a_suspended_job_has_no_pods_until_resumed(lab: Lab) -> None:
    make_job(lab, "work", "sleep 1", suspend=True)
    lab.advance(5)
    assert lab.names("pods") == [] and condition(lab.get(JOBS, "work"), "Suspended") == ("True", "JobSuspended")
    lab.patch(JOBS, "work", {"spec": {"suspend": False}})
    lab.advance(5)
    assert condition(lab.get(JOBS, "work"), "Complete")[0] == "True"


def test_finished_jobs_go_after_their_time(lab: Lab) -> None:
    make_job(lab, "work", "true", ttlSecondsAfterFinished=60)
    lab.advance(30)
    assert lab.exists(JOBS, "work")
    lab.advance(60)
    assert not lab.exists(JOBS, "work") and lab.names("pods") == []


def test_a_cron_job_starts_jobs_and_keeps_three(lab: Lab) -> None:
    make_cron(lab, "tick", "true", "* * * * *")
    lab.advance(6 * 60 + 5)
    jobs = lab.names(JOBS)
    assert len(jobs) == 3
    minutes = int(lab.cluster.kernel.now()) // 60
    assert jobs[-1] == f"tick-{minutes}"
    status = status_of(lab.get(CRON_JOBS, "tick"))
    assert status["lastScheduleTime"] and status["lastSuccessfulTime"]
    assert any(text.startswith("Saw completed job: tick-") for text in lab.events("tick", "SawCompletedJob"))


def test_a_sidecar_that_never_ends_piles_jobs_up(lab: Lab) -> None:
    make_cron(lab, "archive", "sleep 100000", "* * * * *")
    lab.advance(5 * 60 + 5)
    assert len(status_of(lab.get(CRON_JOBS, "archive"))["active"]) == 5


@pytest.mark.parametrize(("policy", "running"), [("Forbid", 1), ("Replace", 1)])
def test_concurrency_policies_allow_one(lab: Lab, policy: str, running: int) -> None:
    make_cron(lab, "tick", "sleep 100000", "* * * * *", policy)
    lab.advance(3 * 60 + 5)
    jobs = lab.names(JOBS)
    first = int(lab.cluster.kernel.now()) // 60 - 2
    assert len(jobs) == running
    assert (jobs == [f"tick-{first}"]) is (policy == "Forbid")


def test_a_suspended_cron_job_starts_nothing(lab: Lab) -> None:
    make_cron(lab, "tick", "true", "* * * * *", suspend=True)
    lab.advance(300)
    assert lab.names(JOBS) == []


@pytest.mark.parametrize(
    ("text", "start", "due"),
    [
        ("*/15 * * * *", "2026-01-01T00:01:00", "2026-01-01T00:15:00"),
        ("30 4 1,15 * 5", "2026-01-01T05:00:00", "2026-01-02T04:30:00"),
        ("0 0 * * mon-fri", "2026-01-02T01:00:00", "2026-01-05T00:00:00"),
        ("@hourly", "2026-01-01T00:59:59", "2026-01-01T01:00:00"),
        ("0 12 29 2 *", "2026-01-01T00:00:00", "2028-02-29T12:00:00"),
        ("5-20/5 8 * jan 7", "2026-01-01T00:00:00", "2026-01-04T08:05:00"),
    ],
)
def test_schedules(text: str, start: str, due: str) -> None:
    at = datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp()
    found = schedule.parse(text).after(at)
    assert found is not None
    assert datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%dT%H:%M:%S") == due


@pytest.mark.parametrize("text", ["* * * *", "60 * * * *", "* 5-3 * * *", "a * * * *"])
def test_wrong_schedules_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        schedule.parse(text)


def test_jobs_pods_are_named_after_them(lab: Lab) -> None:
    make_job(lab, "work", "true")
    lab.advance(3)
    assert [name_of(pod).startswith("work-") for pod in lab.cluster.store.list("pods", NAMESPACE)] == [True]
