"""One client for two clusters: the embedded one in virtual time, and a real one over HTTPS.

A test states what Kubernetes does and runs on both; what holds only because of our own code cannot hide here.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.server.http import Request, parse_query
from stratus.sandbox.server.routes import resolve
from stratus.sandbox.server.watching import Watch

Object = dict[str, Any]

SHARED = Path(__file__).parents[3] / "shared" / "realcluster" / "cluster"
PAUSE = "localhost:5000/pause:3.2"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

# resource -> API versions, newest first: the first that the cluster serves is used.
VERSIONS = {
    "cronjobs": ("batch/v1", "batch/v1beta1"),
    "poddisruptionbudgets": ("policy/v1", "policy/v1beta1"),
    "horizontalpodautoscalers": ("autoscaling/v1",),
    "endpointslices": ("discovery.k8s.io/v1", "discovery.k8s.io/v1beta1"),
    "deployments": ("apps/v1",), "replicasets": ("apps/v1",), "statefulsets": ("apps/v1",), "daemonsets": ("apps/v1",),
    "jobs": ("batch/v1",), "ingresses": ("networking.k8s.io/v1",), "networkpolicies": ("networking.k8s.io/v1",),
    "leases": ("coordination.k8s.io/v1",), "roles": ("rbac.authorization.k8s.io/v1",),
    "rolebindings": ("rbac.authorization.k8s.io/v1",), "priorityclasses": ("scheduling.k8s.io/v1",),
    "storageclasses": ("storage.k8s.io/v1",), "customresourcedefinitions": ("apiextensions.k8s.io/v1",),
    "validatingwebhookconfigurations": ("admissionregistration.k8s.io/v1",),
}  # fmt: skip
CLUSTER_SCOPED = {
    "namespaces", "nodes", "persistentvolumes", "priorityclasses", "storageclasses", "customresourcedefinitions",
    "validatingwebhookconfigurations",
}  # fmt: skip


class Answer:
    """What a request got: a status code and a JSON body."""

    def __init__(self, code: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.code = code
        self.body = body
        self.headers = headers or {}

    def __getitem__(self, key: str) -> Any:
        return self.body[key]

    @property
    def reason(self) -> str:
        return str(self.body.get("reason", ""))

    @property
    def causes(self) -> set[tuple[str, str]]:
        """The error's causes as (field, reason)."""
        found = (self.body.get("details") or {}).get("causes") or ()
        return {(each.get("field", ""), each.get("reason", "")) for each in found}

    def __repr__(self) -> str:
        return f"<{self.code} {json.dumps(self.body)[:600]}>"


class Client:
    """Requests to one cluster, in one namespace."""

    name = ""

    def __init__(self) -> None:
        self.namespace = ""
        self._served: dict[str, str] = {}

    def send(self, method: str, path: str, query: str, body: bytes, headers: dict[str, str]) -> Answer:
        raise NotImplementedError

    def pass_time(self) -> None:
        """Let the cluster live a little."""
        raise NotImplementedError

    def forget(self) -> None:
        """Make old resourceVersions expire, where that does not happen by itself."""

    def watch(self, path: str, query: str) -> list[Object]:
        """The events of a watch that ends at once."""
        raise NotImplementedError

    def request(
        self, method: str, path: str, body: Any = None, *, media: str = "application/json", **query: Any
    ) -> Answer:
        raw = b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": media, "accept": "application/json", "user-agent": "conformance/1"}
        return self.send(method, path, urlencode(query), raw, headers)

    def api_version(self, resource: str) -> str:
        for version in VERSIONS.get(resource, ("v1",)):
            if "/" not in version or self._serves(version, resource):
                return version
        raise LookupError(f"{resource} is not served")

    def _serves(self, version: str, resource: str) -> bool:
        if version not in self._served:
            answer = self.request("GET", f"/apis/{version}")
            names = [each["name"] for each in answer["resources"]] if answer.code == 200 else []
            self._served[version] = " ".join(names)
        return resource in self._served[version].split()

    def path(self, resource: str, name: str = "", sub: str = "") -> str:
        version = self.api_version(resource)
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        where = "" if resource in CLUSTER_SCOPED else f"/namespaces/{self.namespace}"
        return base + where + f"/{resource}" + (f"/{name}" if name else "") + (f"/{sub}" if sub else "")

    def create(self, resource: str, obj: Object, **query: Any) -> Answer:
        return self.request("POST", self.path(resource), obj, **query)

    def get(self, resource: str, name: str, sub: str = "") -> Answer:
        return self.request("GET", self.path(resource, name, sub))

    def list(self, resource: str, **query: Any) -> Answer:
        return self.request("GET", self.path(resource), **query)

    def put(self, resource: str, obj: Object, sub: str = "", **query: Any) -> Answer:
        return self.request("PUT", self.path(resource, obj["metadata"]["name"], sub), obj, **query)

    def patch(self, resource: str, name: str, patch: Any, media: str = MERGE, sub: str = "", **query: Any) -> Answer:
        return self.request("PATCH", self.path(resource, name, sub), patch, media=media, **query)

    def apply(self, resource: str, obj: Object, manager: str, **query: Any) -> Answer:
        typed = {"apiVersion": self.api_version(resource), **obj}
        return self.patch(resource, obj["metadata"]["name"], typed, APPLY, fieldManager=manager, **query)

    def delete(self, resource: str, name: str, options: Object | None = None, **query: Any) -> Answer:
        return self.request("DELETE", self.path(resource, name), options, **query)

    def eventually(self, condition: Callable[[], Any], seconds: float = 60.0) -> Any:
        """Wait until `condition()` is true and return what it gave."""
        for _ in range(int(seconds / 0.25)):
            found = condition()
            if found:
                return found
            self.pass_time()
        raise AssertionError(f"not within {seconds} s on the {self.name} cluster")


class Embedded(Client):
    """The embedded cluster, in process."""

    name = "embedded"

    def __init__(self) -> None:
        super().__init__()
        self.cluster = EmbeddedCluster(virtual=True, applications=())
        self.cluster.start()
        self.cluster.advance(5)

    def send(self, method: str, path: str, query: str, body: bytes, headers: dict[str, str]) -> Answer:
        response = self.cluster.request(method, path, query, body, headers)
        found = dict((key.lower(), value) for key, value in response.headers)
        return Answer(response.status, _parsed(response.body), found)

    def pass_time(self) -> None:
        self.cluster.advance(0.25)

    def forget(self) -> None:
        self.cluster.store.compact()

    def watch(self, path: str, query: str) -> list[Object]:
        target = resolve(self.cluster.api.registry, path)
        assert target is not None
        request = Request("GET", path, parse_query(query + "&watch=1"))
        watch = Watch(self.cluster.store, target.kind, target.namespace, target.name, request)
        watch.close()
        return [json.loads(line) for line in watch.drain().splitlines()]


class Real(Client):
    """A real cluster, by its kubeconfig."""

    name = "real"

    def __init__(self, kubeconfig: str) -> None:
        super().__init__()
        self._host, self._port, self._context, self._auth = access(kubeconfig)
        self._connection: http.client.HTTPSConnection | None = None

    def send(self, method: str, path: str, query: str, body: bytes, headers: dict[str, str]) -> Answer:
        target = f"{path}?{query}" if query else path
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(self._host, self._port, context=self._context, timeout=30)
        self._connection.request(method, target, body or None, {**headers, **self._auth})
        response = self._connection.getresponse()
        found = {key.lower(): value for key, value in response.getheaders()}
        return Answer(response.status, _parsed(response.read()), found)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def pass_time(self) -> None:
        time.sleep(0.25)

    def watch(self, path: str, query: str) -> list[Object]:
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._context, timeout=30)
        connection.request("GET", f"{path}?{query}&watch=1&timeoutSeconds=1", None, self._auth)
        events = [json.loads(line) for line in connection.getresponse().read().splitlines()]
        connection.close()
        return events


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return {"text": raw.decode("utf-8", "replace")}


def find_kubeconfig() -> str:
    """STRATUS_TEST_KUBECONFIG, or the shared cluster's; empty where neither is there."""
    path = os.environ.get("STRATUS_TEST_KUBECONFIG", "")
    if not path and SHARED.exists():
        path = subprocess.run([SHARED, "kubeconfig"], capture_output=True, text=True, check=False).stdout.strip()
    return path if path and Path(path).exists() else ""


def access(kubeconfig: str) -> tuple[str, int, ssl.SSLContext, dict[str, str]]:
    """Host, port, TLS context and headers of the current context of a kubeconfig."""
    config = yaml.safe_load(Path(kubeconfig).read_text())
    current = next(each["context"] for each in config["contexts"] if each["name"] == config["current-context"])
    cluster = next(each["cluster"] for each in config["clusters"] if each["name"] == current["cluster"])
    user = next(each["user"] for each in config["users"] if each["name"] == current["user"])
    context = ssl.create_default_context(cafile=cluster.get("certificate-authority"))
    if "certificate-authority-data" in cluster:
        context.load_verify_locations(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    if "client-certificate-data" in user:
        with tempfile.NamedTemporaryFile() as file:
            file.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            file.flush()
            context.load_cert_chain(file.name)
    elif "client-certificate" in user:
        context.load_cert_chain(user["client-certificate"], user["client-key"])
    url = urlsplit(cluster["server"])
    auth = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    return url.hostname or "", url.port or 443, context, auth
