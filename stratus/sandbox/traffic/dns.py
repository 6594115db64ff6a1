"""Cluster DNS as a pod's resolver sees it: search domains, the kube-dns Service, CoreDNS's Corefile, the Services.

A lookup succeeds only if the pod's DNS policy points at the cluster, a ready CoreDNS process answers, and the Service
exists. So a broken Corefile, a scaled-down CoreDNS and a missing Service each fail in their own way.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from stratus.sandbox.apps.infrastructure import CoreDns
from stratus.sandbox.apps.process import NetworkError
from stratus.sandbox.objects import namespace_of
from stratus.sandbox.store import Store

Object = dict[str, Any]
DOMAIN = "svc.cluster.local"
UNKNOWN = "<urlopen error [Errno -2] Name or service not known>"
UNANSWERED = "<urlopen error [Errno -3] Temporary failure in name resolution>"
LOST_SECONDS = 5.0  # a resolver's time-out for one try


def is_address(host: str) -> bool:
    """Whether the host is an IP address, which needs no lookup."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class ClusterDns:
    """Resolves names; `servers` gives the CoreDNS processes that this pod can reach now."""

    def __init__(self, store: Store, servers: Callable[[Object], list[CoreDns]]) -> None:
        self._store = store
        self._servers = servers

    def resolve(self, host: str, pod: Object) -> tuple[str, ...]:
        """The addresses of `host` as seen from `pod`. Raises NetworkError as getaddrinfo fails."""
        if not host:
            raise NetworkError("<urlopen error no host given>")
        if is_address(host):
            return (host,)
        policy = pod["spec"].get("dnsPolicy", "ClusterFirst")
        config = pod["spec"].get("dnsConfig") or {}
        if policy not in ("ClusterFirst", "ClusterFirstWithHostNet") and not config.get("nameservers"):
            raise NetworkError(UNKNOWN)  # the node's resolver knows no cluster names
        if policy == "None" and not self._is_cluster_dns(config["nameservers"]):
            raise NetworkError(UNANSWERED, LOST_SECONDS)
        servers = self._servers(pod)
        if not servers:
            raise NetworkError(UNANSWERED, LOST_SECONDS)
        for name in self._candidates(host, namespace_of(pod), config if policy == "None" else {}):
            addresses = self._lookup(name, servers[0])
            if addresses:
                return addresses
        raise NetworkError(UNKNOWN)

    def _is_cluster_dns(self, nameservers: list[str]) -> bool:
        service = self._store.get("services", "kube-system", "kube-dns")
        return service is not None and service["spec"].get("clusterIP") in nameservers

    def _candidates(self, host: str, namespace: str, config: Object) -> list[str]:
        """Fully qualified names in the resolver's order: the search list first, as ndots:5 has it."""
        if host.endswith("."):
            return [host.rstrip(".")]
        search = config.get("searches") or [f"{namespace}.{DOMAIN}", DOMAIN, "cluster.local"]
        return [f"{host}.{domain}" for domain in search] + [host]

    def _lookup(self, name: str, server: CoreDns) -> tuple[str, ...]:
        if not name.endswith(f".{DOMAIN}") or not server.answers(name):
            return ()
        labels = name.removesuffix(f".{DOMAIN}").split(".")
        if len(labels) < 2:
            return ()
        service = self._store.get("services", labels[-1], labels[-2])
        if service is None:
            return ()
        if service["spec"].get("type") == "ExternalName":
            target = str(service["spec"].get("externalName", ""))
            return self._lookup(target, server) if target != name else ()
        if service["spec"].get("clusterIP") != "None":
            return (service["spec"]["clusterIP"],) if len(labels) == 2 and service["spec"].get("clusterIP") else ()
        return self._headless(service, labels[0] if len(labels) == 3 else "")

    def _headless(self, service: Object, hostname: str) -> tuple[str, ...]:
        metadata = service["metadata"]
        endpoints = self._store.get("endpoints", metadata["namespace"], metadata["name"]) or {}
        unready = service["spec"].get("publishNotReadyAddresses")
        return tuple(
            address["ip"]
            for subset in endpoints.get("subsets") or ()
            for address in [
                *(subset.get("addresses") or ()),
                *(subset.get("notReadyAddresses") or () if unready else ()),
            ]
            if not hostname or hostname in (address.get("hostname"), (address.get("targetRef") or {}).get("name"))
        )
