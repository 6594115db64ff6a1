"""How the embedded cluster carries load, beside a real API server in the same run.

    python benchmarks/sandbox.py [--pods 5000] [--real KUBECONFIG]

The embedded cluster is a process of its own, reached over loopback HTTP; the real one by its kubeconfig. Both get the
same pods (bound to no node), so that what is measured is the API: create, list, watch fan-out to five watchers, status
patches. A second part lets the embedded cluster live in virtual time: start to healthy, and creating and scheduling
1,000 pods. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

WATCHERS = 5
PATCHES = 500
LISTS = 5
SERVER = """
import asyncio, sys
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.serve import serving
async def main():
    cluster = EmbeddedCluster(applications=())
    async with serving(cluster) as access:
        print(access.url, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


class Server:
    """One API server: where it is, how to authenticate, and which process it is (0 if unknown)."""

    def __init__(self, name: str, connect: Any, headers: dict[str, str], pid: int) -> None:
        self.name = name
        self.connect = connect
        self.headers = {"content-type": "application/json", "accept": "application/json", **headers}
        self.pid = pid
        self._connection = connect()

    def request(self, method: str, path: str, body: Any = None, media: str = "application/json") -> tuple[int, bytes]:
        raw = None if body is None else json.dumps(body)
        self._connection.request(method, path, raw, {**self.headers, "content-type": media})
        response = self._connection.getresponse()
        return response.status, response.read()

    def memory(self) -> float:
        """Resident memory of the server process in MiB; 0 when its process is unknown."""
        if not self.pid:
            return 0.0
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def close(self) -> None:
        self._connection.close()


def pod(index: int) -> dict[str, Any]:
    container = {"name": "c", "image": "localhost:5000/pause:3.2", "resources": {"requests": {"cpu": "10m"}}}
    spec = {"containers": [container], "schedulerName": "nobody"}
    return {"metadata": {"name": f"pod-{index}", "labels": {"app": f"a{index % 10}"}}, "spec": spec}


class Watcher(threading.Thread):
    """Reads a watch and notes when the last expected event has come."""

    def __init__(self, server: Server, path: str, version: str, expected: int) -> None:
        super().__init__(daemon=True)
        self._connection = server.connect()
        query = f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=600"
        self._connection.request("GET", query, None, server.headers)
        self._response = self._connection.getresponse()
        self._expected = expected
        self.finished = 0.0

    def run(self) -> None:
        seen = 0
        while seen < self._expected and self._response.readline():
            seen += 1
        self.finished = time.perf_counter()
        self._connection.close()


def measure(server: Server, pods: int) -> dict[str, Any]:
    """All figures of one server."""
    namespace = f"bench-{uuid.uuid4().hex[:6]}"
    assert server.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})[0] == 201
    path = f"/api/v1/namespaces/{namespace}/pods"
    _until(lambda: server.request("POST", path + "?dryRun=All", pod(0))[0] == 201)
    before = server.memory()
    start = time.perf_counter()
    for index in range(pods):
        assert server.request("POST", path, pod(index))[0] == 201
    created = time.perf_counter() - start
    figures: dict[str, Any] = {"create_per_second": round(pods / created), **_lists(server, path)}
    figures |= _patches(server, path)
    figures["memory_mib"] = round(server.memory(), 1)
    figures["memory_mib_before"] = round(before, 1)
    server.request("DELETE", f"/api/v1/namespaces/{namespace}")
    return figures


def _until(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the namespace did not become usable")
        time.sleep(0.1)


def _lists(server: Server, path: str) -> dict[str, Any]:
    times, size = [], 0
    for _ in range(LISTS):
        start = time.perf_counter()
        _, body = server.request("GET", path)
        times.append(time.perf_counter() - start)
        size = len(body)
    return {"list_ms": round(statistics.median(times) * 1000, 1), "list_mib": round(size / 2**20, 2)}


def _patches(server: Server, path: str) -> dict[str, Any]:
    """Status patches, and how long after the last one all watchers have seen all of them."""
    _, body = server.request("GET", path + "?limit=1")
    version = json.loads(body)["metadata"]["resourceVersion"]
    watchers = [Watcher(server, path, version, PATCHES) for _ in range(WATCHERS)]
    for watcher in watchers:
        watcher.start()
    start = time.perf_counter()
    for index in range(PATCHES):
        patch = {"status": {"message": f"patched {index}"}}
        assert server.request("PATCH", f"{path}/pod-{index}/status", patch, "application/merge-patch+json")[0] == 200
    ended = time.perf_counter()
    for watcher in watchers:
        watcher.join(60)
    lag = max(watcher.finished for watcher in watchers) - ended
    return {"status_patch_per_second": round(PATCHES / (ended - start)), "watch_lag_ms": round(max(0.0, lag) * 1000, 1)}


def embedded() -> tuple[Server, subprocess.Popen[str]]:
    root = Path(__file__).parents[1]
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True, cwd=root)
    assert process.stdout is not None
    port = int(process.stdout.readline().strip().rpartition(":")[2])
    return Server("embedded", lambda: http.client.HTTPConnection("127.0.0.1", port), {}, process.pid), process


def real(kubeconfig: str) -> Server:
    from tests.conformance.clients import access

    host, port, context, auth = access(kubeconfig)
    return Server(
        "real", lambda: http.client.HTTPSConnection(host, port, context=context), auth, _pid("kube-apiserver")
    )


def _pid(name: str) -> int:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and name in _command(folder):
            return int(folder.name)
    return 0


def _command(folder: Path) -> str:
    try:
        return (folder / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
    except OSError:
        return ""


def life() -> dict[str, Any]:
    """Start to a healthy hotel in real time, and 1,000 pods from Deployment to Running in virtual time."""
    from stratus.sandbox.cluster import EmbeddedCluster

    start = time.perf_counter()
    cluster = EmbeddedCluster()
    asyncio.run(_healthy(cluster))
    healthy = time.perf_counter() - start
    big = EmbeddedCluster(virtual=True, nodes=20, applications=())
    big.start()
    labels = {"app": "big"}
    container = {"name": "c", "image": "localhost:5000/pause:3.2"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1000, "selector": {"matchLabels": labels}, "template": template}
    start = time.perf_counter()
    big.api.create("deployments.apps", "default", {"metadata": {"name": "big"}, "spec": spec})
    virtual = big.until(lambda: big.healthy("default"), 600)
    wall = time.perf_counter() - start
    quiet = time.perf_counter()
    big.advance(60)
    return {
        "hotel_healthy_seconds": round(healthy, 2),
        "thousand_pods_running_seconds": round(wall, 2),
        "thousand_pods_running_virtual_seconds": round(virtual, 1),
        "quiet_minute_with_1000_pods_seconds": round(time.perf_counter() - quiet, 2),
    }


async def _healthy(cluster: Any) -> None:
    cluster.start()
    running = asyncio.create_task(cluster.kernel.run())
    while not cluster.healthy():  # noqa: ASYNC110  what makes it healthy runs on this loop, and tells nobody
        await asyncio.sleep(0.01)
    running.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=5000)
    parser.add_argument("--real", metavar="KUBECONFIG", help="default: the cluster that the tests use, if there is one")
    options = parser.parse_args()
    from tests.conformance.clients import find_kubeconfig

    result: dict[str, Any] = {"pods": options.pods, "watchers": WATCHERS, "life": life()}
    print(json.dumps(result["life"]), file=sys.stderr)
    server, process = embedded()
    try:
        result["embedded"] = measure(server, options.pods)
        print(json.dumps(result["embedded"]), file=sys.stderr)
    finally:
        server.close()
        process.terminate()
        process.wait()
    kubeconfig = options.real or find_kubeconfig()
    if kubeconfig:
        other = real(kubeconfig)
        result["real"] = measure(other, options.pods)
        other.close()
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
