"""``stratus sandbox``: the embedded cluster as a server with a kubeconfig, for kubectl and for tests."""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.error
import urllib.parse
import urllib.request
from argparse import Namespace
from pathlib import Path
from typing import Any

from stratus.cli.embedded import PAST
from stratus.cli.output import Output, note
from stratus.domain.errors import InvalidInput

ANSWER_WITHIN = 10.0
"""Seconds for the embedded cluster's own controls to answer."""
DEFAULT_KUBECONFIG = "stratus-sandbox.kubeconfig"


def _output(arguments: Namespace) -> Output:
    return Output(arguments.output, color=False if arguments.no_color else None)


def up(arguments: Namespace) -> int:
    """Serve until interrupted."""
    asyncio.run(_up(arguments))
    return 0


async def _up(arguments: Namespace) -> None:
    from stratus.sandbox.cluster import EmbeddedCluster
    from stratus.sandbox.serve import serving, write_kubeconfig

    path = Path(arguments.kubeconfig_out or DEFAULT_KUBECONFIG)
    cluster = EmbeddedCluster(applications=tuple(arguments.applications or ("hotel",)), past=PAST)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(cluster, port=arguments.port) as access:
        write_kubeconfig(access, path)
        cluster.on_stop = stopped.set
        note(
            f"embedded cluster at {access.url}; kubectl --kubeconfig {path} get pods -A; "
            "Ctrl-C or `stratus sandbox down` ends it"
        )
        _output(arguments).line(str(path))
        await stopped.wait()


def list_(arguments: Namespace) -> int:
    """The faults that can be injected."""
    from stratus.sandbox.faults import CATALOGUE

    out = _output(arguments)
    if out.form != "text":
        rows = [
            {"id": f.id, "aliases": list(f.aliases), "application": f.application, "summary": f.summary}
            for f in CATALOGUE
        ]
        out.json(rows)
        return 0
    out.table(("FAULT", "APPLICATION", "WHAT HAPPENED"), [(f.id, f.application, f.summary) for f in CATALOGUE])
    return 0


def inject(arguments: Namespace) -> int:
    """Inject a fault."""
    return _fault(arguments, "inject")


def heal(arguments: Namespace) -> int:
    """Take a fault back as the catalogue says."""
    return _fault(arguments, "heal")


def down(arguments: Namespace) -> int:
    """End a cluster that ``up`` serves."""
    _post(arguments, "stop")
    _output(arguments).line("the embedded cluster ends")
    return 0


def _fault(arguments: Namespace, verb: str) -> int:
    told = _post(arguments, f"faults/{urllib.parse.quote(arguments.fault, safe='')}/{verb}")
    _output(arguments).line(f"{verb} {told['id']}: {'done' if told['done'] else told['failed'] or 'under way'}")
    return 0


def _post(arguments: Namespace, what: str) -> dict[str, Any]:
    """The answer of a served cluster's own controls. Raises InvalidInput where there is none."""
    path = Path(arguments.kubeconfig or DEFAULT_KUBECONFIG)
    if not path.exists():
        raise InvalidInput(f"no kubeconfig at {path}: start a cluster with `stratus sandbox up`, or give --kubeconfig")
    server = _server(path)
    request = urllib.request.Request(f"{server}/sandbox/{what}", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        raise InvalidInput(str(json.loads(error.read()).get("message", error))) from error
    except urllib.error.URLError as error:
        raise InvalidInput(
            f"no embedded cluster at {server} ({error.reason}): `stratus sandbox up` starts one"
        ) from error


def _server(kubeconfig: Path) -> str:
    try:
        return str(json.loads(kubeconfig.read_text(encoding="utf-8"))["clusters"][0]["cluster"]["server"])
    except (ValueError, LookupError, TypeError) as error:
        raise InvalidInput(f"{kubeconfig} is not the kubeconfig of an embedded cluster") from error
