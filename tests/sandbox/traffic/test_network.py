"""Name → Service → endpoint → policy → process: each hop fails in Kubernetes' own way."""

from __future__ import annotations

from typing import Any

import pytest

from stratus.sandbox.apps.process import Batch, NetworkError
from stratus.sandbox.backend import BackendError
from stratus.sandbox.traffic.proxy import Proxy
from tests.sandbox.traffic.network_fakes import Net

REFUSED = "<urlopen error [Errno 111] Connection refused>"
UNKNOWN = "<urlopen error [Errno -2] Name or service not known>"
UNANSWERED = "<urlopen error [Errno -3] Temporary failure in name resolution>"
TIMED_OUT = "<urlopen error timed out>"


@pytest.fixture
def net() -> Net:
    net = Net()
    net.pod("client")
    net.pod("web-1", labels={"app": "web"})
    net.pod("web-2", labels={"app": "web"})
    net.service("web", "shop", 80, 8080, ["web-1", "web-2"])
    net.kernel.advance(1)
    return net


def test_a_service_is_reached_by_each_of_its_names(net: Net) -> None:
    for host in ("web", "web.shop", "web.shop.svc", "web.shop.svc.cluster.local", "web.shop.svc.cluster.local."):
        assert net.error("client", host, 80) == "200"


@pytest.mark.parametrize(
    ("host", "port", "error"),
    [
        ("nosuch", 80, UNKNOWN),
        ("web.other", 80, UNKNOWN),
        ("", 80, "<urlopen error no host given>"),
        ("web", 81, TIMED_OUT),
        ("10.96.0.250", 80, TIMED_OUT),
    ],
)
def test_what_cannot_be_reached_fails_as_on_the_real_cluster(net: Net, host: str, port: int, error: str) -> None:
    assert net.error("client", host, port) == error


def test_no_endpoints_and_a_wrong_target_port_are_refused(net: Net) -> None:
    net.service("empty", "shop", 80, 8080, [])
    net.service("wrong", "shop", 80, 9999, ["web-1"])
    assert net.error("client", "empty", 80) == REFUSED
    assert net.error("client", "wrong", 80) == REFUSED


def test_requests_are_spread_over_the_endpoints(net: Net) -> None:
    net.send("client", "web", 80, 7)
    net.send("client", "web", 80, 7)
    counts = [
        sum(row.value for row in net.processes[("shop", pod)].samples(0) if row.name == "http_requests_total")
        for pod in ("web-1", "web-2")
    ]
    assert counts == [7, 7]


def test_endpoints_that_change_change_the_path(net: Net) -> None:
    assert net.error("client", "web", 80) == "200"
    net.service("web", "shop", 80, 8080, [])
    assert net.error("client", "web", 80) == REFUSED
    net.processes[("shop", "web-1")].stop()
    net.service("web", "shop", 80, 8080, ["web-1", "web-2"])
    assert {net.error("client", "web", 80) for _ in range(4)} == {REFUSED, "200"}


def policy(name: str, selector: dict[str, str], **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": name},
        "spec": {"podSelector": {"matchLabels": selector}, **spec},
    }


def test_a_policy_drops_what_no_rule_allows(net: Net) -> None:
    resource = "networkpolicies.networking.k8s.io"
    net.store.put(resource, policy("deny", {"app": "web"}, policyTypes=["Ingress"]))
    assert net.error("client", "web", 80) == TIMED_OUT
    peer = {"podSelector": {"matchLabels": {"app": "client"}}}
    rule = {"from": [peer], "ports": [{"port": 8080}]}
    net.store.put(resource, policy("allow", {"app": "web"}, policyTypes=["Ingress"], ingress=[rule]))
    assert net.error("client", "web", 80) == "200"
    elsewhere = {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}]}
    net.store.put(resource, policy("allow", {"app": "web"}, policyTypes=["Ingress"], ingress=[elsewhere]))
    assert net.error("client", "web", 80) == TIMED_OUT
    net.store.put(resource, policy("allow", {"app": "web"}, policyTypes=["Ingress"], ingress=[{}]))
    assert net.error("client", "web", 80) == "200"
    other = {"from": [peer], "ports": [{"port": 9090}]}
    net.store.put(resource, policy("allow", {"app": "web"}, policyTypes=["Ingress"], ingress=[other]))
    assert net.error("client", "web", 80) == TIMED_OUT


def test_denied_egress_takes_dns_with_it(net: Net) -> None:
    resource = "networkpolicies.networking.k8s.io"
    net.store.put(resource, policy("deny", {"app": "client"}, policyTypes=["Egress"]))
    assert net.error("client", "web", 80) == UNANSWERED
    block = {"to": [{"ipBlock": {"cidr": "10.244.0.0/16", "except": [f"{net.address('web-2')}/32"]}}]}
    net.store.put(resource, policy("deny", {"app": "client"}, policyTypes=["Egress"], egress=[block]))
    assert net.error("client", net.address("web-1"), 8080) == "200"
    assert net.error("client", net.address("web-2"), 8080) == TIMED_OUT


def test_without_dns_names_do_not_resolve_but_addresses_work() -> None:
    net = Net(dns=False)
    net.pod("client")
    net.pod("web")
    net.kernel.advance(1)
    assert net.error("client", "web", 80) == UNANSWERED
    assert net.error("client", net.address("web"), 8080) == "200"


def test_a_pod_with_the_nodes_resolver_knows_no_cluster_names(net: Net) -> None:
    net.pod("alien", dnsPolicy="Default")
    assert net.error("alien", "web", 80) == UNKNOWN
    config = {"nameservers": ["8.8.8.8"]}
    net.pod("astray", dnsPolicy="None", dnsConfig=config)
    assert net.error("astray", "web", 80) == UNANSWERED


def test_a_headless_service_resolves_to_its_pods(net: Net) -> None:
    net.service("db", "shop", 9000, 8080, ["web-1", "web-2"])
    service = net.store.get("services", "shop", "db")
    assert service is not None
    net.store.put("services", {**service, "spec": {**service["spec"], "clusterIP": "None"}})
    client = net.store.get("pods", "shop", "client")
    assert client is not None
    assert net.network.view(client).resolve("db") == (net.address("web-1"), net.address("web-2"))
    assert net.error("client", "db", 8080) == "200"
    assert net.error("client", "db", 9000) == REFUSED


def test_a_call_cycle_ends() -> None:
    net = Net()
    net.pod("client")
    net.pod("a", env={"NAME": "a", "CALLS": "a:80"})
    net.service("a", "shop", 80, 8080, ["a"])
    net.kernel.advance(1)
    assert net.error("client", "a", 80) == "502"


def test_the_proxy_has_the_api_servers_words(net: Net) -> None:
    proxy = Proxy(net.network)
    net.service("empty", "shop", 80, 8080, [])
    net.service("wrong", "shop", 80, 9999, ["web-1"])
    assert proxy.request("services", "shop", "web", "80", "/request", {}).body == b"ok\n"
    assert proxy.request("pods", "shop", "web-1", "8080", "/request", {}).status == 200

    def failure(kind: str, name: str, port: str) -> tuple[int, str, str]:
        with pytest.raises(BackendError) as raised:
            proxy.request(kind, "shop", name, port, "/request", {})
        return raised.value.code, raised.value.reason, raised.value.message

    assert failure("services", "empty", "80") == (
        503, "ServiceUnavailable", 'no endpoints available for service "empty"',
    )  # fmt: skip
    assert failure("services", "web", "81") == (
        503, "ServiceUnavailable", 'no service port 81 found for service "web"',
    )  # fmt: skip
    assert failure("services", "nosuch", "80") == (404, "NotFound", 'services "nosuch" not found')
    dial = f"dial tcp {net.address('web-1')}:9999: connect: connection refused"
    assert failure("services", "wrong", "80") == (500, "", f"error trying to reach service: {dial}")


def test_an_ingress_routes_by_host_and_longest_path(net: Net) -> None:
    def path(text: str, service: str, kind: str = "Prefix") -> dict[str, Any]:
        return {"path": text, "pathType": kind, "backend": {"service": {"name": service, "port": {"number": 80}}}}

    rules = [
        {"http": {"paths": [path("/", "web"), path("/api", "api"), path("/api/exact", "one", "Exact")]}},
        {"host": "shop.example", "http": {"paths": [path("/", "shop")]}},
    ]
    net.store.put(
        "ingresses.networking.k8s.io",
        {"metadata": {"name": "i", "namespace": "shop", "uid": "i"}, "spec": {"rules": rules}},
    )
    client = net.store.get("pods", "shop", "client")
    assert client is not None
    view = net.network.view(client)
    assert view.route("", "/apix") == ("web.shop.svc.cluster.local", 80)
    assert view.route("", "/api/x")[0].startswith("api.")
    assert view.route("", "/api/exact")[0].startswith("one.")
    assert view.route("shop.example", "/api")[0].startswith("shop.")
    net.store.remove("ingresses.networking.k8s.io", "shop", "i")
    with pytest.raises(NetworkError):
        view.route("", "/")


def test_a_batch_of_one_is_a_request(net: Net) -> None:
    client = net.store.get("pods", "shop", "client")
    assert client is not None
    replies = net.network.view(client).send("web", 80, Batch(count=1))
    assert [(reply.count, reply.status) for reply in replies] == [(1, 200)]
    assert 0 < replies[0].seconds < 0.1
