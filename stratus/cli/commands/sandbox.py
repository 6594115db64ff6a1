"""``stratus sandbox``: the embedded cluster as a server with a kubeconfig, for kubectl and for tests."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from pathlib import Path

from stratus.cli.output import Output, note
from stratus.domain.errors import InvalidInput

DEFAULT_KUBECONFIG = "stratus-sandbox.kubeconfig"


def _output(arguments: Namespace) -> Output:
    return Output(arguments.output, color=False if arguments.no_color else None)


def up(arguments: Namespace) -> int:
    """Serve until interrupted."""
    from stratus.sandbox.serve import serve

    path = Path(arguments.kubeconfig_out or DEFAULT_KUBECONFIG)
    out = _output(arguments)

    def ready(url: str) -> None:
        out.line(str(path))
        note(f"embedded cluster at {url}; kubectl --kubeconfig {path} get pods -A; Ctrl-C ends it")

    asyncio.run(
        serve(
            applications=tuple(arguments.applications or ("hotel",)), port=arguments.port, kubeconfig=path, ready=ready
        )
    )
    return 0


def list_(arguments: Namespace) -> int:
    """The faults that can be injected."""
    from stratus.sandbox.faults import catalogue

    out = _output(arguments)
    faults = catalogue()
    if out.form != "text":
        out.json(
            [
                {
                    "id": each.id,
                    "aliases": list(each.aliases),
                    "application": each.application,
                    "mutation": each.mutation,
                }
                for each in faults
            ]
        )
        return 0
    out.table(
        ("FAULT", "APPLICATION", "WHAT IT CHANGES"), [(each.id, each.application, each.mutation) for each in faults]
    )
    return 0


def inject(arguments: Namespace) -> int:
    """Inject a fault."""
    return _fault(arguments, "inject")


def heal(arguments: Namespace) -> int:
    """Take a fault back as the catalogue says."""
    return _fault(arguments, "heal")


def _fault(arguments: Namespace, verb: str) -> int:
    import json
    import urllib.error
    import urllib.request

    from stratus.sandbox.serve import control_request

    path = Path(arguments.kubeconfig or DEFAULT_KUBECONFIG)
    if not path.exists():
        raise InvalidInput(
            f"no kubeconfig at {path}: start a cluster with `stratus sandbox up`, or name it with --kubeconfig"
        )
    try:
        answer = control_request(path, verb, arguments.fault)
    except urllib.error.HTTPError as error:
        raise InvalidInput(json.loads(error.read()).get("message", str(error))) from error
    except urllib.error.URLError as error:
        raise InvalidInput(
            f"no embedded cluster answers ({error.reason}): start one with `stratus sandbox up`"
        ) from error
    _output(arguments).line(answer)
    return 0
