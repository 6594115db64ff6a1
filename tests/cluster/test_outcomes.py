"""What each fault on the wire becomes: the class of the error decides what the engine does next, so it must be right."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stratus.cluster.reader import Reader
from stratus.cluster.transport import DEFAULT_TIMEOUT, JSON, Answer, Endpoint, Query
from stratus.cluster.writer import DryRunWriter, FencedWriter, Writer
from stratus.domain.base import JsonObject
from stratus.domain.errors import (
    Absent,
    Conflict,
    OutcomeUnknown,
    Refused,
    Retryable,
    StratusError,
    Unobservable,
)
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import DeleteStep, PatchStep
from stratus.ports import Precondition
from stratus.testing.faults import FOR_READS, Fault, FaultyTransport, RecordingTransport, script

REF = ObjectRef(api_version="v1", kind="ConfigMap", namespace="n", name="c")
STEP = PatchStep(target=REF, patch_type="merge", patch={"data": {"a": "2"}})
DISCOVERY = {
    "resources": [
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": True, "verbs": ["list"], "shortNames": ["cm"]},
        {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": ["list"]},
    ]
}


class OneObject:
    """A server with one ConfigMap, which counts the patches that land."""

    endpoint = Endpoint("https://fake", "fake")

    def __init__(self) -> None:
        self.landed = 0
        self.replies: dict[str, Answer] = {}

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Answer:
        if path in self.replies:
            return self.replies[path]
        if path == "/api/v1":
            return _json(DISCOVERY)
        if method == "PATCH" and (query or {}).get("dryRun") != "All":
            self.landed += 1
        meta = {"name": "c", "namespace": "n", "resourceVersion": str(self.landed)}
        return _json({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1"}})

    async def close(self) -> None: ...


def _json(value: JsonObject, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


WRITE_OUTCOMES: dict[Fault, tuple[type[StratusError], int]] = {
    Fault.REFUSED_CONNECTION: (Retryable, 0),
    Fault.THROTTLED: (Retryable, 0),
    Fault.UNAVAILABLE: (Retryable, 0),
    Fault.CONFLICT: (Conflict, 0),
    Fault.WEBHOOK_DENIES: (Refused, 0),
    Fault.WEBHOOK_DOWN: (Retryable, 0),
    Fault.ERROR: (OutcomeUnknown, 0),
    Fault.ERROR_LANDED: (OutcomeUnknown, 1),
    Fault.TIMEOUT: (OutcomeUnknown, 0),
    Fault.TIMEOUT_LANDED: (OutcomeUnknown, 1),
    Fault.TIMEOUT_LATE: (OutcomeUnknown, 0),
    Fault.DROPPED: (OutcomeUnknown, 0),
    Fault.DROPPED_LANDED: (OutcomeUnknown, 1),
    Fault.GARBLED: (OutcomeUnknown, 1),
}


def test_every_fault_has_an_expected_outcome() -> None:
    assert set(WRITE_OUTCOMES) == set(Fault) - {Fault.NONE}


@pytest.mark.parametrize("fault", WRITE_OUTCOMES)
async def test_a_write_that_may_have_landed_is_never_called_refused(fault: Fault) -> None:
    server = OneObject()
    writer = Writer(FaultyTransport(server, script([fault])))
    expected, landed = WRITE_OUTCOMES[fault]
    with pytest.raises(StratusError) as raised:
        await writer.send(STEP, Precondition())
    assert type(raised.value) is expected
    assert server.landed == landed


@pytest.mark.parametrize("fault", FOR_READS)
async def test_a_read_and_a_dry_run_may_always_be_repeated(fault: Fault) -> None:
    server = OneObject()
    faulty = FaultyTransport(server, script([fault, fault], only=lambda request: "configmaps" in request.path))
    with pytest.raises(Retryable):
        await Reader(faulty).get(REF)
    with pytest.raises(Retryable):
        await DryRunWriter(faulty).send(STEP, Precondition())
    assert server.landed == 0


async def test_a_late_write_lands_after_a_first_read() -> None:
    server = OneObject()
    faulty = FaultyTransport(server, script([Fault.TIMEOUT_LATE]))
    reader = Reader(faulty)
    with pytest.raises(OutcomeUnknown):
        await Writer(faulty, reader.discovery).send(STEP, Precondition())
    assert (await reader.get(REF))["metadata"]["resourceVersion"] == "0"
    assert (await reader.get(REF))["metadata"]["resourceVersion"] == "1"


async def test_nothing_is_sent_beyond_the_fence() -> None:
    recorder = RecordingTransport(OneObject())
    fenced = FencedWriter(Writer(recorder), ["hotel"])
    for target in (REF, ObjectRef(api_version="v1", kind="Namespace", name="other")):
        with pytest.raises(Refused, match="outside"):
            await fenced.send(DeleteStep(target=target), Precondition())
    assert recorder.seen == []
    await FencedWriter(Writer(recorder), ["n"]).send(STEP, Precondition())
    assert [request.method for request in recorder.writes] == ["PATCH"]


async def test_a_dry_run_writer_marks_every_request() -> None:
    recorder = RecordingTransport(OneObject())
    writer = DryRunWriter(recorder)
    await writer.send(STEP, Precondition())
    await writer.send(DeleteStep(target=REF), Precondition())
    assert recorder.writes == []
    patch, delete = (request for request, _ in recorder.seen if request.method != "GET")
    assert patch.query["dryRun"] == delete.query["dryRun"] == "All"
    assert json.loads(delete.body)["dryRun"] == ["All"]


async def test_an_answer_that_is_no_json_is_no_observation() -> None:
    server = OneObject()
    server.replies["/api/v1/namespaces/n/configmaps/c"] = Answer(200, b"<html>login</html>")
    with pytest.raises(Unobservable):
        await Reader(server).get(REF)


async def test_a_list_is_read_page_by_page_and_again_when_it_expired() -> None:
    class Paged(OneObject):
        pages = ["second", "last", "410", "last"]

        async def request(self, method: str, path: str, **rest: Any) -> Answer:
            if path == "/api/v1":
                return _json(DISCOVERY)
            page = self.pages.pop()
            item = {"metadata": {"name": page}}
            more = {"continue": "x"} if page == "last" else {}
            return _json({}, 410) if page == "410" else _json({"items": [item], "metadata": more})

    found = await Reader(Paged()).list("cm", "n", api_version="v1")
    assert [obj["metadata"]["name"] for obj in found] == ["last", "second"]
    assert found[0]["kind"] == "ConfigMap"


async def test_an_unknown_kind_is_empty_but_a_group_that_does_not_answer_is_not() -> None:
    server = OneObject()
    server.replies["/api"] = _json({"versions": ["v1"]})
    server.replies["/apis"] = _json({"groups": []})
    assert await Reader(server).list("Gadget") == []
    group = {"versions": [{"groupVersion": "m/v1"}], "preferredVersion": {"groupVersion": "m/v1"}}
    server.replies["/apis"] = _json({"groups": [group]})
    server.replies["/apis/m/v1"] = _json({"kind": "Status", "message": "no endpoints"}, 503)
    with pytest.raises(Unobservable, match="m/v1"):
        await Reader(server).list("Gadget")
    assert [r.kind for r in await Reader(server).resources()] == ["ConfigMap", "Node"]


async def test_a_service_that_hangs_is_told_from_an_api_server_that_hangs() -> None:
    def slow(request: object) -> Fault:
        return Fault.TIMEOUT if "/proxy/" in str(request) else Fault.NONE

    reply = await Reader(FaultyTransport(OneObject(), slow)).service_request("n", "s", "80", "/")
    assert reply.status == 504
    with pytest.raises(Retryable):
        everything = FaultyTransport(OneObject(), lambda _: Fault.TIMEOUT)
        await Reader(everything).service_request("n", "s", "80", "/")


async def test_the_proxys_own_refusal_is_no_answer_of_the_application() -> None:
    server = OneObject()
    path = "/api/v1/namespaces/n/services/s:80/proxy/"
    server.replies[path] = _json({"kind": "Status", "message": "not found", "reason": "NotFound"}, 404)
    with pytest.raises(Absent):
        await Reader(server).service_request("n", "s", "80", "/")
    server.replies[path] = _json({"kind": "Status", "message": 'no endpoints available for service "s"'}, 503)
    assert (await Reader(server).service_request("n", "s", "80", "/")).status == 503
