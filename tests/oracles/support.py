"""One look at objects in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from stratus.domain.base import JsonObject
from stratus.domain.severity import Observation, Reading
from stratus.oracles import OracleSettings, Panel
from stratus.testing.clock import FakeClock
from stratus.testing.kube import NAMESPACE, App, namespace, node
from stratus.testing.oracles import DictReader

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Server = Callable[[Handler], Awaitable[str]]
"""Starts a server with one handler; returns its URL."""


def cluster(*parts: App | JsonObject) -> DictReader:
    """A reader over applications and single objects, in a namespace and on a node that exist."""
    objects = [obj for part in parts for obj in (part.objects if isinstance(part, App) else [part])]
    return DictReader(namespace(), node(), *objects)


def panel(reader: DictReader, clock: FakeClock | None = None, **settings: object) -> Panel:
    """A panel over the hotel namespace."""
    return Panel(reader, clock or FakeClock(), OracleSettings(namespaces=(NAMESPACE,)).model_copy(update=settings))


async def observe(*parts: App | JsonObject, **settings: object) -> Observation:
    """One look by a fresh panel."""
    return await panel(cluster(*parts), **settings).observe()


def reading(observation: Observation, oracle: str) -> Reading:
    """What one oracle said."""
    return next(each for each in observation.readings if each.oracle == oracle)


def found(observation: Observation, oracle: str = "") -> set[tuple[str, str]]:
    """(kind/name, reason) of the findings."""
    return {(str(f.subject), f.reason) for f in observation.findings if oracle in ("", f.oracle)}


def paths(subjects: object) -> set[str]:
    """kind/name of subjects."""
    return {str(subject) for subject in subjects}  # type: ignore[attr-defined]
