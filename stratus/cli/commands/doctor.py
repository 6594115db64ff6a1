"""``stratus doctor``: is everything there that a run would need? It survives a broken cluster and says what to do."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from stratus.cli.assembly import check_namespaces, connect
from stratus.cli.exits import ExitCode
from stratus.cli.output import Output
from stratus.cli.settings import Settings, load
from stratus.domain.errors import InvalidInput, StratusError
from stratus.domain.objects import ObjectRef
from stratus.ports import ClusterReader

KINDS = (("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("v1", "Service"), ("v1", "ConfigMap"), ("v1", "Pod"))
VERBS = ("get", "list", "patch", "update", "create", "delete")


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    ok: bool
    detail: str
    needed: bool = True


def doctor(arguments: Namespace) -> int:
    """Check and report; 0 when nothing that is needed is missing."""
    settings = load(arguments)
    checks = asyncio.run(_checks(settings))
    out = Output(arguments.output, color=False if arguments.no_color else None)
    if out.form != "text":
        out.json([check.__dict__ for check in checks])
    else:
        for check in checks:
            mark = "✓" if check.ok else "✗" if check.needed else "·"
            out.line(
                out.style(
                    f"{mark} {check.name:<22} {check.detail}", "green" if check.ok else "red" if check.needed else "dim"
                )
            )
    failed = [check for check in checks if check.needed and not check.ok]
    unreachable = any(check.name == "cluster" for check in failed)
    return int(ExitCode.UNREACHABLE if unreachable else ExitCode.USAGE if failed else ExitCode.HEALTHY)


async def _checks(settings: Settings) -> list[Check]:
    from stratus.cluster.reader import Reader

    checks = [_journal(settings)]
    try:
        transport = connect(settings)
    except StratusError as error:
        return [*checks, Check("cluster", False, str(error))]
    try:
        reader = Reader(transport)
        return [*checks, *await _cluster(settings, reader), *await _monitoring(settings, reader)]
    finally:
        await transport.close()


async def _cluster(settings: Settings, reader: ClusterReader) -> list[Check]:
    try:
        identity = await reader.identity()
        where = f"{identity.context} at {identity.server}, Kubernetes {identity.version}"
        found = [Check("cluster", True, where)]
        try:
            await check_namespaces(reader, settings.namespaces)
        except InvalidInput as error:
            return [*found, Check("namespace", False, str(error))]
        return [*found, *await _permissions(reader, settings)]
    except StratusError as error:
        return [Check("cluster", False, str(error))]


def _journal(settings: Settings) -> Check:
    from stratus.journal import open_reader

    path = settings.journal_path
    if not path.exists():
        return Check("journal", True, f"{path} will be created")
    try:
        reader = open_reader(path)
        broken = reader.verify()
        reader.close()
    except StratusError as error:
        return Check("journal", False, str(error))
    return Check(
        "journal", broken is None, f"{path}: " + ("the chain holds" if broken is None else f"broken at event {broken}")
    )


async def _permissions(reader: ClusterReader, settings: Settings) -> list[Check]:
    """Every step needs its undo's permission as well: update undoes a patch, delete a create, create a delete."""
    checks = []
    for namespace in settings.namespaces or ("default",):
        for api_version, kind in KINDS:
            ref = ObjectRef(api_version=api_version, kind=kind, namespace=namespace, name="")
            answers = await asyncio.gather(*(reader.can_i(verb, ref) for verb in VERBS))
            missing = [verb for verb, allowed in zip(VERBS, answers, strict=True) if not allowed]
            detail = f"may not {', '.join(missing)}" if missing else "every step and its undo"
            reads = not {"get", "list"} & set(missing)
            checks.append(Check(f"{namespace}/{kind}", not missing, detail, needed=not reads))
    return checks


async def _monitoring(settings: Settings, reader: ClusterReader) -> list[Check]:
    from stratus.oracles.alerts import reachable
    from stratus.oracles.monitors import Monitor

    checks = []
    for name, url in (("prometheus", settings.prometheus), ("alertmanager", settings.alertmanager)):
        if not url:
            checks.append(Check(name, False, f"not configured: --{name} URL lets alerts be seen", needed=False))
            continue
        checks.append(await _try(name, partial(reachable, Monitor(url, reader), name)))
    return checks


async def _try(name: str, call: Callable[[], Awaitable[str]]) -> Check:
    try:
        return Check(name, True, await call())
    except StratusError as error:
        return Check(name, False, str(error))
