"""Pods that cannot start, fail or wait: the same states, words and events on both clusters."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import pytest

from tests.conformance.clients import PAUSE, Client

Object = dict[str, Any]

SERVICE = "localhost:5000/service:1.0"
REFUSED = {"httpGet": {"path": "/healthz", "port": 9999}, "periodSeconds": 5, "failureThreshold": 1}
REPLACED = (
    (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"(containerd://|sha256:)[0-9a-f]{64}", "ID"),
    (r"\b(198\.18\.1|10\.244\.\d+|10\.10\.0)\.\d+\b", "IP"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "UID"),
    (r"conformance-[0-9a-f]{8}", "NAMESPACE"),
    (r"back-off (\d+m)?\d+s", "back-off TIME"),
    (r"to node-\d", "to NODE"),
    (r"\b0/\d nodes are available: ", "0/N nodes are available: "),
    (r"(?<=[:,] )\d (?=[a-zI])", "N "),
    (r'"restartCount": \d+', '"restartCount": 0'),
)


def shell(script: str) -> Object:
    return {"image": PAUSE, "command": ["sh", "-c", script]}


def variable(**source: Any) -> Object:
    return {"env": [{"name": "A", "valueFrom": source}]}


def mounted(volume: Object) -> Object:
    return {"volumes": [{"name": "v", **volume}]}


MOUNT = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}

# name -> (container, the rest of the pod's spec, state that it comes to)
PODS: dict[str, tuple[Object, Object, str]] = {
    "runs": ({}, {}, "running"),
    "no-image": ({"image": "localhost:5000/service:9.9"}, {}, "ImagePullBackOff"),
    "invalid-image": ({"image": "localhost:5000/Service:9"}, {}, "InvalidImageName"),
    "never-pulls": ({"image": "localhost:5000/absent:1", "imagePullPolicy": "Never"}, {}, "ErrImageNeverPull"),
    "no-config-map": (variable(configMapKeyRef={"name": "nope", "key": "a"}), {}, "CreateContainerConfigError"),
    "no-secret": ({"envFrom": [{"secretRef": {"name": "nope"}}]}, {}, "CreateContainerConfigError"),
    "no-key": (variable(configMapKeyRef={"name": "there", "key": "z"}), {}, "CreateContainerConfigError"),
    "no-volume-map": (MOUNT, mounted({"configMap": {"name": "nope"}}), "ContainerCreating"),
    "no-volume-secret": (MOUNT, mounted({"secret": {"secretName": "nope"}}), "ContainerCreating"),
    "no-volume-key": (
        MOUNT,
        mounted({"configMap": {"name": "there", "items": [{"key": "z", "path": "z"}]}}),
        "ContainerCreating",
    ),
    "no-claim": (MOUNT, mounted({"persistentVolumeClaim": {"claimName": "nope"}}), "Unschedulable"),
    "no-command": ({"command": ["nope", "-x"]}, {}, "CrashLoopBackOff"),
    "ends-well": (shell("echo hi"), {}, "CrashLoopBackOff"),
    "ends-badly": (shell("echo bad; exit 3"), {}, "CrashLoopBackOff"),
    "fails-once": (shell("exit 3"), {"restartPolicy": "Never"}, "Error"),
    "completes": (shell("echo hi"), {"restartPolicy": "OnFailure"}, "Completed"),
    "last-words": (
        {**shell("echo because; exit 3"), "terminationMessagePolicy": "FallbackToLogsOnError"},
        {"restartPolicy": "Never"},
        "Error",
    ),
    "init-hangs": ({}, {"initContainers": [{"name": "i", **shell("sleep 9999")}]}, "running"),
    "init-fails": ({}, {"initContainers": [{"name": "i", **shell("exit 1")}]}, "CrashLoopBackOff"),
    "init-done": ({}, {"initContainers": [{"name": "i", **shell("sleep 1")}]}, "running"),
    "too-small": ({"resources": {"limits": {"memory": "10Mi"}}}, {}, "CrashLoopBackOff"),
    "not-alive": ({"livenessProbe": REFUSED}, {}, "CrashLoopBackOff"),
    "not-started": ({"startupProbe": {"tcpSocket": {"port": 9999}, "periodSeconds": 1}}, {}, "CrashLoopBackOff"),
    "not-root": ({"securityContext": {"runAsNonRoot": True}}, {}, "CreateContainerConfigError"),
    "no-node": ({}, {"nodeSelector": {"no": "where"}}, "Unschedulable"),
    "too-big": ({"resources": {"requests": {"cpu": "100", "memory": "1000Gi"}}}, {}, "Unschedulable"),
}


def state(pod: Object) -> str:
    """The reason of the container that matters now, "running", or why there is no container yet."""
    unfinished = [own for own in pod["status"].get("initContainerStatuses") or () if not own["ready"]]
    for own in unfinished or pod["status"].get("containerStatuses") or ():
        ((kind, detail),) = own["state"].items()
        return str(detail.get("reason", kind))
    conditions = pod["status"].get("conditions") or [{}]
    return str(conditions[0].get("reason", ""))


def settled(client: Client, name: str, wanted: str) -> Any:
    """The pod once it is in the wanted state."""
    pod = client.get("pods", name).body
    return pod if state(pod) == wanted else None


def same_words(text: str) -> str:
    for pattern, stand_in in REPLACED:
        text = re.sub(pattern, stand_in, text)
    return text


def comparable(status: Object) -> Object:
    """A pod's status without what differs between two runs: times, identities, addresses, counts."""
    kept = {key: value for key, value in status.items() if key != "hostIPs"}
    found: Object = json.loads(same_words(json.dumps(kept, sort_keys=True)))
    return found


def create_all(client: Client) -> None:
    client.create("configmaps", {"kind": "ConfigMap", "metadata": {"name": "there"}, "data": {"a": "1"}})
    for name, (container, rest, _) in PODS.items():
        own = {"name": "c", "image": SERVICE, **container}
        spec = {"terminationGracePeriodSeconds": 0, "containers": [own], **rest}
        assert client.create("pods", {"kind": "Pod", "metadata": {"name": name}, "spec": spec}).code == 201


def events(client: Client, name: str) -> set[tuple[str, str, str, str]]:
    found = client.list("events", fieldSelector=f"involvedObject.name={name}")["items"]
    return {
        (each["type"], each["reason"], same_words(each["message"]), each["involvedObject"].get("fieldPath", ""))
        for each in found
    }


@pytest.fixture
def lives(both: tuple[Client, Client]) -> dict[str, dict[str, tuple[Object, set[Any]]]]:
    """Cluster name → pod name → (status, events), all pods having come to their state."""
    found: dict[str, dict[str, tuple[Object, set[Any]]]] = {}
    for client in both:
        create_all(client)
    for client in both:
        own = found[client.name] = {}
        for name, (_, _, wanted) in PODS.items():
            pod = client.eventually(partial(settled, client, name, wanted), 90)
            own[name] = (comparable(pod["status"]), events(client, name))
    return found


@pytest.mark.realcluster
@pytest.mark.slow
def test_pods_come_to_the_same_states_with_the_same_words(lives: dict[str, Any]) -> None:
    ours = {name: status for name, (status, _) in lives["embedded"].items()}
    theirs = {name: status for name, (status, _) in lives["real"].items()}
    different = {name: (ours[name], theirs[name]) for name in PODS if ours[name] != theirs[name]}
    assert not different
    # A real kubelet drops events beyond five a second, so it may say less than ours, but never anything else.
    ours_said = {name: said for name, (_, said) in lives["embedded"].items()}
    theirs_said = {name: said for name, (_, said) in lives["real"].items()}
    unknown = {name: theirs_said[name] - ours_said[name] for name in PODS if theirs_said[name] - ours_said[name]}
    assert not unknown
    reasons = [{reason for each in said.values() for _, reason, _, _ in each} for said in (ours_said, theirs_said)]
    assert reasons[0] == reasons[1]
