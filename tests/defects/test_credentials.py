"""No credential stands in the log, on a screen or in a message: neither what people sent nor what the server quotes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stratus.cluster.diff import changes
from stratus.cluster.discovery import Discovery
from stratus.cluster.transport import InProcessTransport
from stratus.cluster.writer import DryRunWriter, Writer
from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, PatchStep, ReplaceStep, Step
from stratus.engine.redact import LAST_APPLIED, redacted_step
from stratus.ports import Precondition

PASSWORD = "hunter2!-plain"
QUOTES = (
    r'patch: Invalid value: "{\"data\":{\"a\":\"aHVudGVyMQ==\",\"password\":\"hunter2!-plain\"}}": Data: illegal base64 '
    r'data at input byte 7, error found in #10 byte of ...|r2!-plain"},"kind":"|..., bigger ...|a":"aHVudGVyMQ=="}|...',
    'patch: Invalid value: "map[data:map[password:hunter2!-plain]]": illegal base64 data at input byte 7',
    'Secret in version "v1" cannot be handled as a Secret: Data: illegal base64 data at input byte 7, error found in #10 '
    'byte of ...|r2!-plain"},"kind":"|..., bigger context ...|{"data":{"p":"hunter2!-plain"},"kind":"Secret"|...',
)
"""What a real API server answered, shortened."""


def _ref(kind: str, version: str = "v1") -> ObjectRef:
    return ObjectRef(api_version=version, kind=kind, namespace="hotel", name="db")


class _Status:
    headers = ()

    def __init__(self, status: int, **fields: Any) -> None:
        self.status, self.body = status, json.dumps(fields).encode()


def _server(message: str, status: int) -> InProcessTransport:
    secrets = {"name": "secrets", "kind": "Secret", "namespaced": True, "verbs": ["get", "patch"]}
    config = {"name": "configmaps", "kind": "ConfigMap", "namespaced": True, "verbs": ["get", "patch"]}

    def serve(method: str, path: str, *_: Any) -> _Status:
        if path == "/api":
            return _Status(200, versions=["v1"])
        if path == "/apis":
            return _Status(200, groups=[])
        if path == "/api/v1":
            return _Status(200, resources=[secrets, config])
        return _Status(status, kind="Status", reason="Invalid", message=message)

    return InProcessTransport(serve)


@pytest.mark.parametrize("message", QUOTES)
@pytest.mark.parametrize("kind", [Writer, DryRunWriter])
async def test_what_the_server_quotes_of_a_secret_is_not_repeated(message: str, kind: type[Writer]) -> None:
    transport = _server(message, 422)
    step = PatchStep(target=_ref("Secret"), patch_type="merge", patch={"data": {"password": PASSWORD}})
    with pytest.raises(Refused) as refused:
        await kind(transport, Discovery(transport)).send(step, Precondition())
    said = str(refused.value)
    assert "illegal base64" in said
    assert not any(part in said for part in (PASSWORD, "r2!-plain", "aHVudGVyMQ"))


async def test_a_whole_object_that_the_server_quotes_is_left_out() -> None:
    quoted = json.dumps(json.dumps({"env": [{"name": "PASSWORD", "value": PASSWORD}], "more": "x" * 300}))
    transport = _server(
        f'"" is invalid: patch: Invalid value: {quoted}: expect [, error found in #10 byte of {PASSWORD}', 422
    )
    with pytest.raises(Refused) as refused:
        await Writer(transport, Discovery(transport)).send(
            PatchStep(target=_ref("ConfigMap"), patch_type="merge", patch={}), Precondition()
        )
    assert str(refused.value) == 'patch configmap/db: "" is invalid: patch: Invalid value: "…": expect ['


async def test_who_may_not_is_still_named() -> None:
    transport = _server('secrets "db" is forbidden: User "ana" cannot patch', 403)
    step = PatchStep(target=_ref("Secret"), patch_type="merge", patch={})
    with pytest.raises(Refused, match='User "ana" cannot patch'):
        await Writer(transport, Discovery(transport)).send(step, Precondition())


def _deployment(*env: JsonObject) -> JsonObject:
    spec: JsonObject = {"containers": [{"name": "db", "image": "db:1", "env": list(env)}]}
    applied = json.dumps({"spec": {"template": {"spec": spec}}})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "db", "namespace": "hotel", "annotations": {LAST_APPLIED: applied}},
        "spec": {"template": {"spec": spec}},
    }


def _variable(value: str, name: str = "DB_PASSWORD") -> JsonObject:
    return {"name": name, "value": value}


@pytest.mark.parametrize(
    "after",
    [
        _deployment(_variable(PASSWORD)),
        _deployment(_variable(PASSWORD), _variable("blue", "COLOR")),
        _deployment(_variable(PASSWORD), _variable(PASSWORD)),
    ],
    ids=["changed", "beside another", "named twice"],
)
def test_a_variable_named_like_a_credential_is_not_shown(after: JsonObject) -> None:
    before = _deployment(_variable("before-plain"))
    for pair in ((before, after), (after, before), (None, after), (after, None)):
        shown = repr(changes(*pair))
        assert PASSWORD not in shown
        assert "before-plain" not in shown
    assert "blue" in repr(changes(before, _deployment(_variable("blue", "COLOR"))))


@pytest.mark.parametrize(
    "step",
    [
        CreateStep(target=_ref("Deployment", "apps/v1"), manifest=_deployment(_variable(PASSWORD))),
        ReplaceStep(target=_ref("Deployment", "apps/v1"), manifest=_deployment(_variable(PASSWORD))),
        PatchStep(
            target=_ref("Deployment", "apps/v1"),
            patch_type="strategic",
            patch={"spec": {"template": {"spec": {"containers": [{"name": "db", "env": [_variable(PASSWORD)]}]}}}},
        ),
        PatchStep(
            target=_ref("Deployment", "apps/v1"),
            patch_type="json",
            patch=[{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": _variable(PASSWORD)}],
        ),
        PatchStep(target=_ref("Secret"), patch_type="merge", patch={"stringData": {"password": PASSWORD}}),
    ],
    ids=["create", "replace", "strategic", "json", "secret"],
)
def test_the_log_keeps_no_credential_of_a_step(step: Step) -> None:
    shown = redacted_step(step)
    assert PASSWORD not in shown.model_dump_json()
    assert shown.target == step.target
    assert PASSWORD in step.model_dump_json(), "what is sent is not touched"
