"""Images beside the service: references, stores, DNS, feature flags, and scripts."""

from __future__ import annotations

import json

import pytest

from stratus.sandbox.apps.images import Catalogue
from stratus.sandbox.apps.infrastructure import CoreDns
from stratus.sandbox.apps.process import Batch, PullFailure, Reply, StartFailure
from tests.sandbox.apps.container_fakes import Box, ScriptedNetwork, ok


@pytest.mark.parametrize(
    ("image", "reason", "words"),
    [
        (
            "localhost:5000/service:9.9",
            "ErrImagePull",
            'Head "http://localhost:5000/v2/service/manifests/9.9": dial tcp',
        ),
        ("nothere:latest", "ErrImagePull", "docker.io/library/nothere:latest: not found"),
        ("Nginx:1.0", "InvalidImageName", "repository name must be lowercase"),
        ("a b", "InvalidImageName", "invalid reference format"),
    ],
)
def test_what_cannot_be_pulled_says_why(image: str, reason: str, words: str) -> None:
    failure = Catalogue().pull(image)
    assert isinstance(failure, PullFailure)
    assert (failure.reason, words in failure.message) == (reason, True)


def test_short_and_full_references_name_the_same_image() -> None:
    catalogue = Catalogue()
    assert catalogue.pull("busybox:1.36") is catalogue.pull("docker.io/library/busybox:1.36")


def test_a_command_that_is_not_in_the_image_does_not_start() -> None:
    box = Box(command=["no-such-program"])
    assert isinstance(box.started, StartFailure)
    assert 'exec: "no-such-program": executable file not found in $PATH' in box.started.message


def test_another_binary_of_the_hotel_image_serves_another_port() -> None:
    network = ScriptedNetwork({"mongodb-geo": ok})
    box = Box("yinfangchen/hotelreservation:latest", {"NAME": "profile"}, command=["geo"], network=network)
    box.run(2)
    assert box.process.listening(box.kernel.now()) == {8083}


def test_a_service_without_its_database_gives_up() -> None:
    box = Box("yinfangchen/hotelreservation:latest", command=["geo"])
    box.run(5)
    assert box.process.exits is None
    box.run(10)
    assert box.process.exits is not None and box.process.exits.code == 2
    assert "panic: no reachable servers" in box.log()


CONF = "net:\n  tls:\n    mode: {mode}\n    certificateKeyFile: /tls/tls.pem\n    CAFile: /tls/ca.crt\n"


def mongod(mode: str, *certificates: str) -> Box:
    files = {"/etc/mongod.conf": CONF.format(mode=mode), **dict.fromkeys(certificates, "pem")}
    box = Box("mongo:4.4.6", files=files, command=["mongod", "--config", "/etc/mongod.conf"])
    box.run()
    return box


def test_mongod_with_tls_needs_certificates_and_refuses_plain_text() -> None:
    plain = mongod("disabled")
    assert plain.process.serve(27017, Batch(), plain.kernel.now())[0].status == 200
    broken = mongod("requireTLS")
    assert broken.process.exits is not None and "InvalidSSLConfiguration" in broken.log()
    strict = mongod("requireTLS", "/tls/tls.pem", "/tls/ca.crt")
    reply = strict.process.serve(27017, Batch(), strict.kernel.now())[0]
    assert reply.error == "Remote end closed connection without response"
    assert "SSLHandshakeFailed" in strict.log()


def test_a_database_reads_its_password_file_at_each_request() -> None:
    box = Box("postgres:17", {"NAME": "pg", "TOKEN_FILE": "/run/password"}, files={"/run/password": "old"})
    box.run()
    assert box.get(port=5432, headers={"X-Token": "old"}).status == 200
    box.files["/run/password"] = "new"
    assert box.get(port=5432, headers={"X-Token": "old"}).status == 401


def flagd(flags: dict[str, object]) -> Box:
    box = Box("ghcr.io/open-feature/flagd:v0.12", files={"/etc/flagd/demo.flagd.json": json.dumps({"flags": flags})})
    box.run()
    return box


def test_flagd_serves_the_default_variant_of_the_file_it_started_with() -> None:
    flag = {"state": "ENABLED", "variants": {"on": True, "off": False, "half": "50%"}, "defaultVariant": "half"}
    box = flagd({"paymentFailure": flag})
    assert box.get("/flags/paymentFailure", 8013).body == "50%\n"
    box.files["/etc/flagd/demo.flagd.json"] = "{}"
    assert box.get("/flags/paymentFailure", 8013).body == "50%\n"
    assert box.get("/flags/none", 8013).status == 404


def test_flagd_with_a_broken_file_exits() -> None:
    box = Box("ghcr.io/open-feature/flagd:v0.12", files={"/etc/flagd/demo.flagd.json": "{"})
    assert box.run().exits is not None


def test_a_flag_switches_a_defect_on_and_off() -> None:
    value = {"text": "on\n"}
    network = ScriptedNetwork({"flagd": lambda batch: [Reply(1, 200, value["text"], 0.0)]})
    box = Box("ghcr.io/open-telemetry/demo:2.0.2-payment", {"FLAGD_HOST": "flagd"}, network=network)
    box.run()
    assert box.get().status == 500
    value["text"] = "off\n"
    assert box.get().status == 200
    network.hosts.clear()
    assert box.get().status == 200


COREFILE = ".:53 {\n%s    kubernetes cluster.local {\n    }\n}\n"
TEMPLATE = "    template ANY ANY web.shop.svc.cluster.local {\n        match ^web\\.\n        rcode NXDOMAIN\n    }\n"


def test_coredns_answers_unless_a_template_matches_first() -> None:
    def answers(extra: str) -> bool:
        box = Box("registry.k8s.io/coredns/coredns:v1.11.1", files={"/etc/coredns/Corefile": COREFILE % extra})
        box.run()
        assert isinstance(box.process, CoreDns)
        assert box.process.answers("other.shop.svc.cluster.local")
        return box.process.answers("web.shop.svc.cluster.local")

    assert answers("")
    assert not answers(TEMPLATE)


def test_coredns_without_a_corefile_exits() -> None:
    assert Box("registry.k8s.io/coredns/coredns:v1.11.1").run().exits is not None


def test_kafka_keeps_a_lag_per_group() -> None:
    box = Box("ghcr.io/open-telemetry/demo:2.0.2-kafka", {"NAME": "kafka"})
    box.run(3)
    now = box.kernel.now()
    box.process.serve(9092, Batch("/consume/accounting", count=10), now)
    box.process.serve(9092, Batch(headers={"X-Records": "100"}, count=3), now)
    box.process.serve(9092, Batch("/consume/accounting", count=50), now)
    lag = [sample.value for sample in box.process.samples(now) if sample.name == "kafka_consumergroup_lag"]
    assert lag == [250]


def test_a_wait_loop_ends_when_the_name_resolves() -> None:
    script = "until nslookup db; do echo waiting; sleep 2; done; echo ready"
    box = Box("busybox:1.36", command=["sh", "-c", script])
    box.run(9)
    assert box.process.exits is None
    assert box.log().count("waiting") == 5
    box.network.hosts["db"] = ok
    box.run(2)
    assert box.process.exits is not None and box.process.exits.code == 0
    assert box.log().endswith("ready")


@pytest.mark.parametrize(
    ("script", "code", "last"),
    [
        ("echo a && false || echo b", 0, "b"),
        ("exit 3", 3, ""),
        ("if test -f /x; then echo yes; else echo no; fi", 0, "no"),
        ("X=5; echo $X ${HOME}", 0, "5 /root"),
        ("echo 'a; b' > /dev/null 2>&1; echo done", 0, "done"),
        ("nothing-here", 127, "sh: nothing-here: not found"),
        ("while true; do exit 4; done", 4, ""),
        ('for i in 1 "2 3"; do X="$X<$i>"; done; echo "$X"', 0, "<1><2 3>"),
        ("for i in 1 2; do if test $i = 2; then exit 5; fi; done; echo no", 5, ""),
        ("for i 1 2; do echo $i; done", 2, "sh: syntax error: unexpected word after for"),
        ("while", 2, "sh: syntax error: unexpected end of file"),
    ],
)
def test_scripts(script: str, code: int, last: str) -> None:
    box = Box("busybox:1.36", {"HOME": "/root"}, command=["sh", "-c", script])
    box.run()
    assert box.process.exits is not None and box.process.exits.code == code
    assert (box.log().splitlines() or [""])[-1] == last


def test_arguments_replace_a_cmd_and_go_to_an_entrypoint() -> None:
    assert Box("busybox:1.36", args=["sleep", "60"]).run(30).exits is None
    failed = Box("busybox:1.36", args=["sh", "-c", "exit 3"]).run().exits
    assert failed is not None and failed.code == 3
    empty = Box("busybox:1.36").run().exits
    assert empty is not None and empty.code == 0
    assert Box("nginx:1.27", args=["-g", "daemon off;"]).run(2).exits is None


def test_endless_commands_run_until_stopped() -> None:
    for command in (
        ["sleep", "infinity"],
        ["sh", "-c", "tail -f /dev/null"],
        ["sh", "-c", "while true; do sleep 30; done"],
    ):
        assert Box("busybox:1.36", command=command).run(3600).exits is None


def test_exec_sees_the_containers_environment_files_and_network() -> None:
    box = Box(env={"NAME": "web"}, files={"/etc/app/a.conf": "x=1\n"}, network=ScriptedNetwork({"db": ok}))
    process, now = box.run(), box.kernel.now()
    assert process.exec(["cat", "/etc/app/a.conf"], now) == (0, "x=1\n", "")
    assert process.exec(["sh", "-c", "echo $NAME"], now) == (0, "web\n", "")
    assert process.exec(["wget", "-qO-", "http://db:80/request"], now)[:2] == (0, "ok\n")
    assert process.exec(["cat"], now, "a\nb\n") == (0, "a\nb\n", "")
    assert process.exec(["cat", "-", "/etc/app/a.conf"], now, "y=2\n") == (0, "y=2\nx=1\n", "")
    assert process.exec(["sh"], now, "echo one; exit 4") == (4, "one\n", "")
    assert process.exec(["nslookup", "nowhere"], now)[0] == 1
    assert process.exec(["ls", "/etc/app"], now) == (0, "a.conf\n", "")
    assert process.exec(["sh", "-c", "while true; do sleep 5; done"], now)[0] == 124
    code, _, err = process.exec(["psql"], now)
    assert code == 126 and 'exec: "psql": executable file not found in $PATH' in err
