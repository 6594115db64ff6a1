"""The service image keeps the contract of the real cluster's service.py."""

from __future__ import annotations

import pytest

from stratus.sandbox.apps.process import Batch, NetworkError, Reply
from tests.sandbox.apps.container_fakes import Box, ScriptedNetwork, ok


def test_it_listens_after_its_start_and_says_so() -> None:
    box = Box(env={"NAME": "geo", "PORT": "8082", "CALLS": "db:27017"})
    assert box.process.listening(box.kernel.now()) == frozenset()
    box.run()
    assert box.process.listening(box.kernel.now()) == {8082}
    assert box.log() == "2026-01-01T00:00:00Z INFO geo listening on :8082, calls ['db:27017']"
    assert box.changes == 1


def test_a_missing_file_or_setting_ends_it_with_the_reason_in_the_log() -> None:
    no_file = Box(env={"NAME": "a", "REQUIRE_FILE": "/etc/app/key"})
    assert no_file.run().exits is not None and no_file.run().exits.code == 1
    assert no_file.log().endswith("FATAL a cannot open /etc/app/key: no such file")
    no_setting = Box(env={"NAME": "a", "REQUIRE_ENV": "DATABASE_URL"})
    assert no_setting.run().exits is not None
    assert no_setting.log().endswith("FATAL a missing required setting DATABASE_URL")
    assert Box(env={"REQUIRE_ENV": "X", "X": "1"}).run().exits is None
    assert Box(env={"REQUIRE_FILE": "/k"}, files={"/k": ""}).run().exits is None


def test_health_follows_the_warm_up_and_every_other_path_is_a_request() -> None:
    box = Box(env={"WARMUP": "5"})
    box.run()
    assert (box.get("/healthz").status, box.get("/healthz").body) == (503, "warming up\n")
    assert not box.process.settled(box.kernel.now())
    box.run(5)
    assert (box.get("/healthz").status, box.get("/healthz").body) == (200, "ok\n")
    assert box.process.settled(box.kernel.now())
    assert (box.get("/").status, box.get("/").body) == (200, "ok\n")


def test_a_wrong_token_is_refused_and_logged() -> None:
    box = Box(env={"NAME": "db", "TOKEN": "s3cret"})
    box.run()
    assert (box.get().status, box.get().body) == (401, "db: authentication failed\n")
    assert box.get(headers={"X-Token": "s3cret"}).status == 200
    assert box.log().endswith("ERROR db authentication failed: bad or missing token")


def test_calls_go_in_order_with_the_token_and_the_first_failure_ends_the_request() -> None:
    network = ScriptedNetwork({"a": ok, "b": lambda batch: [Reply(batch.count, 502, "", 0.1)], "c": ok})
    box = Box(env={"NAME": "web", "CALLS": "a:1,b:2,c:3", "SEND_TOKEN": "t"}, network=network)
    box.run()
    answer = box.get()
    assert (answer.status, answer.body) == (502, "web: call to b:2 failed: HTTP Error 502: Bad Gateway\n")
    assert [(host, port) for host, port, _ in network.sent] == [("a", 1), ("b", 2)]
    assert network.sent[0][2].headers["X-Token"] == "t"
    assert box.log().endswith("ERROR web call to b:2 failed: HTTP Error 502: Bad Gateway")


REFUSED = "<urlopen error [Errno 111] Connection refused>"


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply(1, 0, "", 0.0, REFUSED), REFUSED),
        (Reply(1, 200, "ok", 3.0), "timed out"),
        (Reply(1, 401, "", 0.0), "HTTP Error 401: Unauthorized"),
    ],
)
def test_each_way_a_call_fails_has_urllibs_words(reply: Reply, text: str) -> None:
    box = Box(env={"NAME": "web", "CALLS": "a:1"}, network=ScriptedNetwork({"a": lambda batch: [reply]}))
    box.run()
    assert box.get().body == f"web: call to a:1 failed: {text}\n"


def test_a_batch_keeps_count_of_every_request() -> None:
    def half(batch: Batch) -> list[Reply]:
        good = batch.count // 2
        return [Reply(good, 200, "", 0.1), Reply(batch.count - good, 500, "", 0.1)]

    box = Box(env={"NAME": "web", "CALLS": "a:1"}, network=ScriptedNetwork({"a": half}))
    box.run()
    replies = box.process.serve(8080, Batch(count=7), box.kernel.now())
    assert sorted((reply.status, reply.count) for reply in replies) == [(200, 3), (502, 4)]
    metrics = box.get("/metrics").body
    assert 'http_requests_total{service="web",code="200"} 3' in metrics
    assert 'http_requests_total{service="web",code="502"} 4' in metrics
    assert "# TYPE http_request_seconds_total counter" in metrics


def test_an_optional_call_may_fail() -> None:
    box = Box(env={"NAME": "web", "OPTIONAL_CALLS": "ad:1"})
    box.run()
    assert box.get().status == 200
    assert "call to ad:1 failed" in box.log()


def test_a_leak_grows_with_requests() -> None:
    box = Box(env={"LEAK_MB": "2"})
    box.run()
    before, changes = box.process.memory(box.kernel.now()), box.changes
    box.process.serve(8080, Batch(count=5), box.kernel.now())
    assert box.process.memory(box.kernel.now()) == before + 10 * (1 << 20)
    assert box.changes > changes


def test_the_load_generator_sends_its_rate_and_counts_codes() -> None:
    network = ScriptedNetwork({"web": ok})
    box = Box(env={"LOAD": "web:8080", "RPS": "5"}, network=network)
    box.run(61)
    assert sum(batch.count for _, _, batch in network.sent) == pytest.approx(300, abs=10)
    network.hosts["web"] = lambda batch: [Reply(batch.count, 503, "", 0.0)]
    box.run(10)
    network.hosts.clear()
    box.run(10)
    codes = {dict(s.labels)["code"] for s in box.process.samples(box.kernel.now()) if s.name == "load_requests_total"}
    assert codes == {"200", "503", "0"}


def test_a_slow_target_lowers_the_rate_of_the_closed_loop() -> None:
    network = ScriptedNetwork({"web": lambda batch: [Reply(batch.count, 200, "", 1.0)]})
    Box(env={"LOAD": "web:8080", "RPS": "5"}, network=network).run(61)
    assert sum(batch.count for _, _, batch in network.sent) <= 70


def test_bad_versions_of_the_image() -> None:
    crash = Box("localhost:5000/service:1.1", {"NAME": "a"})
    assert crash.run().exits is not None
    assert "Traceback" in crash.log()
    failing = Box("localhost:5000/service:1.2", {"NAME": "a"})
    failing.run()
    replies = failing.process.serve(8080, Batch(count=1000), failing.kernel.now())
    failed = sum(reply.count for reply in replies if reply.status == 500)
    assert 340 < failed < 460
    assert failing.get("/healthz").status == 200


def test_a_stopped_process_refuses() -> None:
    box = Box()
    box.run()
    box.process.stop()
    with pytest.raises(NetworkError, match="Connection refused"):
        box.get()


def test_a_cpu_limit_delays_requests_and_is_counted() -> None:
    free, bound = Box(), Box(resources={"limits": {"cpu": "10m"}})
    free.run()
    bound.run()
    replies = [box.process.serve(8080, Batch(count=50), box.kernel.now())[0].seconds for box in (free, bound)]
    later = bound.process.serve(8080, Batch(count=1), bound.kernel.now())[0].seconds
    assert replies[0] < 0.01
    assert later > 5.0
