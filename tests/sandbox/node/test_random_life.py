"""Random operations in random order must end in the state that the objects ask for, with nothing left over."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from stratus.sandbox.api import ApiError
from stratus.sandbox.node.nodeinfo import pod_requests
from stratus.sandbox.objects import is_pod_ready, name_of, spec_of, status_of
from tests.sandbox.life import NAMESPACE, SERVICE, Lab, addresses

DEPLOYMENTS, STATEFUL = "deployments.apps", "statefulsets.apps"
STEPS = 60
WEB, DB = "web", "db"
CURE = 700.0  # seconds in which everything has recovered: the longest back-off is 300


class Chaos:
    """A cluster with a Deployment and a StatefulSet, and hands that meddle with it."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.lab = Lab(nodes=3)
        ports = [{"port": 80, "targetPort": 8080}]
        metadata = {"name": WEB, "namespace": NAMESPACE}
        spec = {"selector": {"app": WEB}, "ports": ports}
        self.lab.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
        probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2}
        requests = {"requests": {"cpu": "100m", "memory": "32Mi"}}
        self.lab.workload("Deployment", WEB, 3, template=Lab.template(WEB, readinessProbe=probe, resources=requests))
        self.lab.workload("StatefulSet", DB, 2)

    def step(self) -> None:
        act: Callable[[], None] = self.rng.choice(
            [
                self.scale,
                self.scale,
                self.kill,
                self.kill,
                self.break_image,
                self.mend_image,
                self.restart,
                self.cordon,
                self.uncordon,
                self.node_stops,
                self.node_resumes,
                self.orphan,
            ]
        )
        try:
            act()
        except ApiError as error:
            assert error.code in (404, 409), error
        self.lab.advance(self.rng.choice([0.0, 0.1, 1.0, 7.0, 30.0]))

    def workload(self) -> tuple[str, str]:
        return self.rng.choice([(DEPLOYMENTS, WEB), (STATEFUL, DB)])

    def scale(self) -> None:
        self.lab.patch(*self.workload(), {"spec": {"replicas": self.rng.randrange(6)}})

    def kill(self) -> None:
        pods = [*self.lab.pods(WEB), *self.lab.pods(DB)]
        if pods:
            grace = self.rng.choice([None, 0, 5])
            self.lab.delete("pods", name_of(self.rng.choice(pods)), grace=grace)

    def break_image(self) -> None:
        self.lab.set_image(*self.workload(), self.rng.choice(["localhost:5000/service:broken", "Bad:Image"]))

    def mend_image(self) -> None:
        self.lab.set_image(*self.workload(), SERVICE)

    def restart(self) -> None:
        stamp = {"annotations": {"restartedAt": str(self.rng.random())}}
        self.lab.patch(*self.workload(), {"spec": {"template": {"metadata": stamp}}})

    def node(self) -> str:
        return f"node-{self.rng.randrange(1, 4)}"

    def cordon(self) -> None:
        self.lab.patch("nodes", self.node(), {"spec": {"unschedulable": True}})

    def uncordon(self) -> None:
        self.lab.patch("nodes", self.node(), {"spec": {"unschedulable": None}})

    def node_stops(self) -> None:
        kubelet = self.lab.cluster.nodes.kubelets[self.node()]
        if not kubelet.stopped:
            kubelet.stop()

    def node_resumes(self) -> None:
        kubelet = self.lab.cluster.nodes.kubelets[self.node()]
        if kubelet.stopped:
            kubelet.resume()

    def orphan(self) -> None:
        """Deletes the Deployment, leaves its ReplicaSets, and creates it again: it has to adopt them."""
        old = self.lab.get(DEPLOYMENTS, WEB)
        self.lab.delete(DEPLOYMENTS, WEB, propagation="Orphan")
        self.lab.advance(1)
        metadata = {"name": WEB, "namespace": NAMESPACE}
        self.lab.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": old["spec"]})

    def make_good(self) -> None:
        """Everything that was broken is repaired; a stuck StatefulSet needs its broken pods deleted."""
        for kubelet in self.lab.cluster.nodes.kubelets.values():
            if kubelet.stopped:
                kubelet.resume()
            self.lab.patch("nodes", kubelet.name, {"spec": {"unschedulable": None}})
        for resource, name in ((DEPLOYMENTS, WEB), (STATEFUL, DB)):
            self.lab.set_image(resource, name, SERVICE)
        self.lab.settle()
        for pod in self.lab.pods(DB):
            if not is_pod_ready(pod):
                self.lab.delete("pods", name_of(pod))
        self.lab.advance(CURE)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_everything_recovers_and_nothing_is_left_over(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(STEPS):
        chaos.step()
    chaos.make_good()
    lab = chaos.lab
    for resource, name in ((DEPLOYMENTS, WEB), (STATEFUL, DB)):
        wanted, status = spec_of(lab.get(resource, name))["replicas"], status_of(lab.get(resource, name))
        assert len(lab.pods(name)) == wanted == status.get("readyReplicas", 0) == status.get("replicas", 0)
    ready = sorted(name_of(pod) for pod in lab.pods(WEB))
    assert addresses(lab.get("endpoints", WEB)) == ready
    check_nodes(lab)


def check_nodes(lab: Lab) -> None:
    """Kubelets run exactly the pods bound to them, addresses are unique, and the scheduler's books are right."""
    pods = lab.cluster.store.list("pods")
    used = Counter(status_of(pod)["podIP"] for pod in pods if not spec_of(pod).get("hostNetwork"))
    assert set(used.values()) <= {1}
    for name, kubelet in lab.cluster.nodes.kubelets.items():
        own = [pod for pod in pods if spec_of(pod).get("nodeName") == name]
        assert set(kubelet.workers) == {(pod["metadata"]["namespace"], name_of(pod)) for pod in own}
        total: Counter[str] = Counter()
        for pod in own:
            total.update(pod_requests(pod))
        booked = lab.cluster.scheduler.snapshot.info(name)
        assert {key: value for key, value in booked.requested.items() if value} == dict(total)
        assert len(booked.pods) == len(own)
