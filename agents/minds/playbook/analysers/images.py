"""Images that cannot be pulled or used."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.evidence import Change, Workload
from agents.evidence.pods import PULL_REASONS, Trouble
from agents.evidence.workload import containers_of
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case, container_path, hypothesis, in_container, nearest
from stratus.domain.base import JsonObject


def analyse(case: Case) -> Iterator[Hypothesis]:
    """One hypothesis per workload with a container whose image does not come."""
    for workload, found in case.troubled:
        pulls = {t.container: t for t in found if t.reason in PULL_REASONS}
        for container in containers_of([workload.pod_spec]):
            trouble = pulls.get(container["name"])
            if trouble is not None:
                yield _hypothesis(case, workload, container, trouble)


def _hypothesis(case: Case, workload: Workload, container: JsonObject, trouble: Trouble) -> Hypothesis:
    name, image = str(container["name"]), str(container.get("image", ""))
    reason = f"{workload.subject} cannot pull {image}"

    def command(changes: list[Change]) -> str:
        only = len(changes) == 1 and changes[0].path[-1] == "image"
        return fixes.set_image_command(workload, name, str(changes[0].before)) if only else ""

    wanted = in_container(name, "image", "imagePullPolicy", "imagePullSecrets")
    candidates = case.restorations(workload.obj, wanted, reason, command=command)
    candidates += _derived(case, workload, container, reason)
    if trouble.reason == "ErrImageNeverPull":
        step = fixes.set_field(workload.obj, container_path(workload, container, "imagePullPolicy"), "IfNotPresent")
        candidates += [fixes.candidate(Origin.DERIVE, [step], reason)] if step else []
    candidates += case.rollbacks(workload, reason)
    said = [f"{trouble.pod_name}: {trouble.reason} {trouble.message}".strip()]
    said += [change.sentence() for group in case.recent(workload.obj, wanted)[:1] for change in group]
    summary = f"the image {image} of {workload.subject} cannot be pulled"
    return hypothesis(workload.subject, "image", 0.95, summary, said, candidates, family=f"image {image}")


def _derived(case: Case, workload: Workload, container: JsonObject, reason: str) -> list[Candidate]:
    """Images that are known to run here: of the same repository, else the one nearest by name, else the siblings' own."""
    image = str(container.get("image", ""))
    running = working_images(case, workload)
    same = [known for known in running if repository(known) == repository(image) and known != image]
    close = nearest(image, running)
    usual = [known for known, count in running.items() if count >= 3 and count * 2 > sum(running.values())]
    found = []
    for index, choice in enumerate(dict.fromkeys([*same, *([close] if close else []), *usual])):
        step = fixes.set_field(workload.obj, container_path(workload, container, "image"), choice)
        if step is not None:
            text = fixes.set_image_command(workload, str(container["name"]), choice)
            said = [f"{choice} runs in {running[choice]} other container(s) here"]
            worth = 1.0 - 0.1 * index
            found.append(fixes.candidate(Origin.DERIVE, [step], reason, said, worth=worth, command=text))
    return found[:3]


def working_images(case: Case, workload: Workload) -> dict[str, int]:
    """Images of ready pods in the namespace, with how many containers run them, the most frequent first."""
    counts: dict[str, int] = {}
    for other in [workload, *case.siblings(workload)]:
        for pod in other.ready_pods:
            for container in (pod.get("spec") or {}).get("containers") or []:
                counts[str(container.get("image"))] = counts.get(str(container.get("image")), 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def repository(image: str) -> str:
    """The image without tag and digest."""
    return re.sub(r":[^/:]+$", "", image.partition("@")[0])
