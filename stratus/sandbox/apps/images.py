"""The image catalogue: which references exist, and how a container of each starts.

An image is a profile (data) and a kind (code). Its entry point is found as a container runtime finds it: the command of
the container if there is one, else the image's own; a command that is not in the image fails to start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stratus.sandbox.apps import reference
from stratus.sandbox.apps.base import BaseProcess
from stratus.sandbox.apps.commands import COMMANDS
from stratus.sandbox.apps.infrastructure import CoreDns, Flagd, Idle, Ingress
from stratus.sandbox.apps.process import ContainerContext, Image, Process, PullFailure, StartFailure
from stratus.sandbox.apps.profile import Profile
from stratus.sandbox.apps.profiles import PROFILES
from stratus.sandbox.apps.service import ServiceProcess
from stratus.sandbox.apps.shell import SHELLS, ShellProcess
from stratus.sandbox.apps.shop import ShopProcess
from stratus.sandbox.apps.stores import Kafka, KafkaConsumer, Mongod

Starter = Callable[[Profile, Mapping[str, str], ContainerContext], BaseProcess]

INTERPRETERS = ("python", "python3")

KINDS: dict[str, Starter] = {
    "service": ServiceProcess,
    "shop": ShopProcess,
    "mongod": Mongod,
    "kafka": Kafka,
    "consumer": KafkaConsumer,
    "flagd": Flagd,
    "coredns": CoreDns,
    "ingress": Ingress,
    "idle": Idle,
    "shell": lambda profile, settings, context: ShellProcess(("sh",), context),
}


@dataclass(frozen=True)
class CatalogueImage:
    """An image that can be pulled."""

    profile: Profile

    @property
    def size(self) -> int:
        return self.profile.size

    @property
    def pull_seconds(self) -> float:
        return self.profile.pull_seconds

    @property
    def user(self) -> int:
        return self.profile.user

    def start(self, context: ContainerContext) -> Process | StartFailure:
        argv = context.argv
        program = argv[1] if argv[1:] and argv[0] in INTERPRETERS else argv[0] if argv else ""
        command = program.rpartition("/")[2]
        built_in = self.profile.entry_points.get(command)
        if built_in is None and not context.container.get("command") and (self.profile.entrypoint or not argv):
            built_in = {}  # arguments alone go to the image's own entry point
        if built_in is None:
            return self._foreign(context)
        settings = {**self.profile.settings, **(built_in or {}), **context.env}
        return KINDS[self.profile.kind](self.profile, settings, context)

    def _foreign(self, context: ContainerContext) -> Process | StartFailure:
        """A command that is not the image's own program: a shell or one of its tools, else nothing."""
        argv = context.argv
        if self.profile.shell and (argv[0] in SHELLS or argv[0].rpartition("/")[2] in {*COMMANDS, "sleep", "tail"}):
            return ShellProcess(argv, context)
        where = "no such file or directory" if argv[0].startswith("/") else "executable file not found in $PATH"
        verb = f'exec: "{argv[0]}": ' + ("stat " + argv[0] + ": " if argv[0].startswith("/") else "")
        message = (
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
            f"runc create failed: unable to start container process: {verb}{where}: unknown"
        )
        return StartFailure("StartError", message, 128)


class Catalogue:
    """All images that the cluster's registries hold; people's own can be added."""

    def __init__(self, profiles: Mapping[str, Profile] = PROFILES) -> None:
        self._images = {reference.canonical(name): CatalogueImage(profile) for name, profile in profiles.items()}

    def add(self, image: str, profile: Profile) -> None:
        """Pushes an image. Raises ValueError for an invalid reference."""
        self._images[reference.canonical(image)] = CatalogueImage(profile)

    def pull(self, image: str) -> Image | PullFailure:
        failure = reference.invalid(image)
        if failure is not None:
            return failure
        return self._images.get(reference.canonical(image)) or reference.not_found(image)
