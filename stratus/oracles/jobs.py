"""Jobs and CronJobs: work that ends, so it is never moving, only failed or piling up."""

from __future__ import annotations

from collections.abc import Iterator

from stratus.domain.base import JsonObject
from stratus.oracles.pods import condition, is_finished, is_terminating, trouble_of
from stratus.oracles.rollouts import Rollout
from stratus.oracles.settings import WorkloadSettings
from stratus.oracles.surroundings import Surroundings
from stratus.oracles.times import when
from stratus.oracles.verdicts import State, Verdict
from stratus.oracles.world import World, controller_of, subject_of


def verdicts(world: World, around: Surroundings, settings: WorkloadSettings) -> list[Verdict]:
    """All Jobs without a CronJob, and all CronJobs."""
    alone = [job for job in world.all("Job") if (controller_of(job) or {}).get("kind") != "CronJob"]
    return [_job(job, job, world, around, settings) for job in alone] + list(_cron_jobs(world, around, settings))


def _cron_jobs(world: World, around: Surroundings, settings: WorkloadSettings) -> Iterator[Verdict]:
    for cron in world.all("CronJob"):
        made = sorted(world.owned_by(cron, "Job"), key=lambda job: when(job["metadata"].get("creationTimestamp")))
        suspended = bool(cron["spec"].get("suspend"))
        said = Verdict(subject_of(cron), State.OFF if suspended else State.SETTLED, 0, 0)
        ended = [job for job in made if _has_ended(job)]
        unfinished = [job for job in made if not _has_ended(job)]
        if unfinished or ended:
            # the newest outcome counts: a failure that a later run made good is past
            said = _job(cron, (unfinished or ended)[-1], world, around, settings)
            if unfinished and not said.findings and ended:
                said = _job(cron, ended[-1], world, around, settings)
        if len(unfinished) >= settings.piled_up:
            said = said.with_finding("JobsPilingUp", f"{len(unfinished)} Jobs have not ended")
        yield said


def _has_ended(job: JsonObject) -> bool:
    return any(condition(job, kind).get("status") == "True" for kind in ("Complete", "Failed"))


def _job(owner: JsonObject, job: JsonObject, world: World, around: Surroundings, settings: WorkloadSettings) -> Verdict:
    wanted = int(job["spec"].get("completions") or job["spec"].get("parallelism") or 1)
    done = int(job.get("status", {}).get("succeeded", 0))
    said = Verdict(subject_of(owner), State.SETTLED, done, wanted)
    failed = condition(job, "Failed")
    if failed.get("status") == "True":
        return said.with_finding("JobFailed", f"{failed.get('reason', 'Failed')}: {failed.get('message', '')}")
    if _has_ended(job):
        return said
    pods = tuple(p for p in world.owned_by(job, "Pod") if not is_finished(p) and not is_terminating(p))
    rollout = Rollout(said.subject, wanted, pods, pods, True, False, job["spec"]["template"])
    for pod in pods:
        trouble = trouble_of(pod, around.context(rollout, settings.window)(pod))
        # a Job's pod need not be ready: it works while it runs
        if trouble and trouble.stuck and trouble.cause not in ("NotReady", "InitNotDone"):
            return said.with_finding("JobFailed", trouble.note)
    return said
