"""The images of one node: present or to be pulled, under imagePullPolicy and the pull back-off."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from stratus.sandbox.apps.process import Image, ImageCatalogue, PullFailure
from stratus.sandbox.kernel import Kernel
from stratus.sandbox.node.backoff import Backoff

RETRY = 2.0
"""Seconds until the kubelet looks again after a failed pull, and finds that it has to back off."""


@dataclass(frozen=True)
class Waiting:
    """Why a container waits, and for how long until the kubelet tries again (seconds)."""

    reason: str
    message: str = ""
    retry: float = 0.0


Outcome = Image | Waiting
Report = Callable[[str, str, str], None]
"""Records an event about the container: type, reason, message."""


def image_id(image: str) -> str:
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


class NodeImages:
    """Pulls images for one node."""

    def __init__(self, kernel: Kernel, catalogue: ImageCatalogue) -> None:
        self._kernel = kernel
        self._catalogue = catalogue
        self._present: dict[str, Image] = {}
        self._backoff = Backoff()
        self._failed: dict[tuple[str, str], float] = {}

    def sizes(self) -> dict[str, int]:
        """Bytes of the present images by name."""
        return {name: image.size for name, image in self._present.items()}

    def ensure(
        self, pod_uid: str, container: dict[str, object], report: Report, done: Callable[[Outcome], None]
    ) -> None:
        """Calls `done` with the image, now or when its pull has ended, or with the reason why there is none."""
        name, policy = str(container["image"]), container.get("imagePullPolicy", "IfNotPresent")
        found = self._catalogue.pull(name)
        if isinstance(found, PullFailure) and found.reason == "InvalidImageName":
            report("Warning", "InspectFailed", found.message)
            report("Warning", "Failed", "Error: InvalidImageName")
            return done(Waiting("InvalidImageName", found.message, 10.0))
        present = self._find_present(name, found)
        if present is not None and policy != "Always":
            report("Normal", "Pulled", f'Container image "{name}" already present on machine')
            return done(present)
        if policy == "Never":
            message = f'Container image "{name}" is not present with pull policy of Never'
            report("Warning", "ErrImageNeverPull", message)
            report("Warning", "Failed", "Error: ErrImageNeverPull")
            return done(Waiting("ErrImageNeverPull", message, 10.0))
        self._pull(pod_uid, name, found, report, done)

    def _find_present(self, name: str, found: Image | PullFailure) -> Image | None:
        if name not in self._present and not isinstance(found, PullFailure) and found.pull_seconds == 0:
            self._present[name] = found
        return self._present.get(name)

    def _pull(
        self, pod_uid: str, name: str, found: Image | PullFailure, report: Report, done: Callable[[Outcome], None]
    ) -> None:
        key, now = (pod_uid, name), self._kernel.now()
        wait = self._backoff.remaining(key, self._failed[key], now) if key in self._failed else 0.0
        if wait > 0:
            message = f'Back-off pulling image "{name}"'
            report("Normal", "BackOff", message)
            report("Warning", "Failed", "Error: ImagePullBackOff")
            return done(Waiting("ImagePullBackOff", message, min(wait, 15.0)))
        report("Normal", "Pulling", f'Pulling image "{name}"')
        if isinstance(found, PullFailure):
            failure = found
            self._kernel.call_later(failure.seconds, lambda: self._failed_pull(key, failure, report, done))
            return
        image = found
        seconds = 0.1 if name in self._present else image.pull_seconds
        self._kernel.call_later(seconds, lambda: self._pulled(key, image, seconds, report, done))

    def _failed_pull(
        self, key: tuple[str, str], failure: PullFailure, report: Report, done: Callable[[Outcome], None]
    ) -> None:
        now = self._kernel.now()
        self._backoff.next(key, now, now)
        self._failed[key] = now
        report("Warning", "Failed", f'Failed to pull image "{key[1]}": {failure.message}')
        report("Warning", "Failed", "Error: ErrImagePull")
        done(Waiting(failure.reason, failure.message, RETRY))

    def _pulled(
        self, key: tuple[str, str], image: Image, seconds: float, report: Report, done: Callable[[Outcome], None]
    ) -> None:
        self._present[key[1]] = image
        self._failed.pop(key, None)
        self._backoff.forget(key)
        report("Normal", "Pulled", f'Successfully pulled image "{key[1]}" in {seconds:.9g}s')
        done(image)
