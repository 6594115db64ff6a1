"""What keeps a container from starting: images, configuration, volumes, commands. Words are those of a real 1.20 node."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from stratus.sandbox.backend import BackendError, LogOptions
from stratus.sandbox.objects import spec_of, status_of
from tests.sandbox.life import NAMESPACE, SERVICE, SHELL, Lab, condition


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}, "data": data}


def from_config_map(name: str, key: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": name, "key": key, **more}}}]


def test_a_pod_on_a_warm_node_is_ready_within_a_second(lab: Lab) -> None:
    lab.pod("web")
    lab.advance(1.0)
    pod = lab.get("pods", "web")
    assert status_of(pod)["phase"] == "Running"
    assert [(c["type"], c["status"]) for c in status_of(pod)["conditions"]] == [
        ("Initialized", "True"),
        ("Ready", "True"),
        ("ContainersReady", "True"),
        ("PodScheduled", "True"),
    ]
    own = lab.container("web")
    assert own["ready"] and own["started"] and own["restartCount"] == 0 and own["lastState"] == {}
    assert own["containerID"].startswith("containerd://") and own["imageID"].startswith("sha256:")
    assert lab.events("web") == [
        f"Successfully assigned {NAMESPACE}/web to {spec_of(pod)['nodeName']}",
        f'Container image "{SERVICE}" already present on machine',
        "Created container c",
        "Started container c",
    ]


def test_a_missing_image_is_pulled_again_with_growing_pauses(lab: Lab) -> None:
    lab.pod("web", {"image": "localhost:5000/service:9.9"})
    lab.advance(1.5)
    assert lab.state("web") == ("waiting", "ErrImagePull")
    lab.advance(3)
    assert lab.state("web") == ("waiting", "ImagePullBackOff")
    assert lab.container("web")["state"]["waiting"]["message"] == 'Back-off pulling image "localhost:5000/service:9.9"'
    lab.advance(600)
    pulls = [e for e in lab.cluster.store.list("events", NAMESPACE) if e["reason"] == "Pulling"]
    assert [event["count"] for event in pulls] == [6]  # at 0, 10, 30, 70, 150, 310 s and then every 300 s
    assert status_of(lab.get("pods", "web"))["phase"] == "Pending"


def test_a_corrected_image_starts_the_same_pod(lab: Lab) -> None:
    lab.pod("web", {"image": "localhost:5000/service:9.9"})
    lab.advance(5)
    lab.patch("pods", "web", {"spec": {"containers": [{"name": "c", "image": SERVICE}]}})
    lab.advance(20)
    assert lab.state("web") == ("running", "")


def test_an_invalid_reference_and_a_forbidden_pull_have_their_own_reasons(lab: Lab) -> None:
    lab.pod("bad", {"image": "Localhost:5000/Service:9"})
    lab.pod("never", {"image": "localhost:5000/absent:1", "imagePullPolicy": "Never"})
    lab.advance(2)
    assert lab.state("bad") == ("waiting", "InvalidImageName")
    assert lab.state("never") == ("waiting", "ErrImageNeverPull")
    message = 'Container image "localhost:5000/absent:1" is not present with pull policy of Never'
    assert lab.events("never", "ErrImageNeverPull") == [message]


def test_a_missing_key_blocks_until_it_is_there(lab: Lab) -> None:
    lab.create(config_map("settings", other="1"))
    lab.pod("web", {"env": from_config_map("settings", "mode")})
    lab.advance(2)
    assert lab.state("web") == ("waiting", "CreateContainerConfigError")
    assert lab.events("web", "Failed") == [f"Error: couldn't find key mode in ConfigMap {NAMESPACE}/settings"]
    lab.patch("configmaps", "settings", {"data": {"mode": "fast"}})
    lab.advance(12)
    assert lab.state("web") == ("running", "")


def test_a_missing_object_blocks_but_not_an_optional_one(lab: Lab) -> None:
    lab.pod("strict", {"env": from_config_map("nope", "a")})
    lab.pod("source", {"envFrom": [{"secretRef": {"name": "nope"}}]})
    lab.pod("lenient", {"env": from_config_map("nope", "a", optional=True)})
    lab.advance(2)
    assert lab.container("strict")["state"]["waiting"]["message"] == 'configmap "nope" not found'
    assert lab.container("source")["state"]["waiting"]["message"] == 'secret "nope" not found'
    assert lab.state("lenient") == ("running", "")


def test_the_environment_is_resolved_as_kubernetes_does(lab: Lab) -> None:
    lab.create(config_map("settings", mode="fast", level="3"))
    secret = {"data": {"token": base64.b64encode(b"s3cret").decode()}, "kind": "Secret", "apiVersion": "v1"}
    lab.create({**secret, "metadata": {"name": "keys", "namespace": NAMESPACE}})
    env = [
        {"name": "PLAIN", "value": "$(MODE)-$(level) $$(MODE) $(UNKNOWN)"},
        {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}},
        {"name": "LATER", "value": "$(MODE)"},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
    ]
    container = {"env": env, "envFrom": [{"configMapRef": {"name": "settings"}}]}
    lab.pod("web", {**container, "resources": {"limits": {"memory": "64Mi"}}})
    lab.advance(2)
    process = lab.cluster.nodes.running(NAMESPACE, "web", "c")
    assert process is not None
    seen = process.context.env  # type: ignore[attr-defined]
    assert seen["PLAIN"] == "$(MODE)-3 $(MODE) $(UNKNOWN)"
    assert (seen["MODE"], seen["LATER"], seen["TOKEN"], seen["LIMIT"]) == ("fast", "fast", "s3cret", "64")
    assert seen["NODE"] == spec_of(lab.get("pods", "web"))["nodeName"]
    assert seen["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"


def test_a_volume_of_a_missing_config_map_holds_the_pod(lab: Lab) -> None:
    volumes = [{"name": "v", "configMap": {"name": "files"}}]
    lab.pod("web", {"volumeMounts": [{"name": "v", "mountPath": "/etc/app"}]}, volumes=volumes)
    lab.advance(2)
    assert lab.state("web") == ("waiting", "ContainerCreating")
    message = 'MountVolume.SetUp failed for volume "v" : configmap "files" not found'
    assert lab.events("web", "FailedMount") == [message]
    lab.advance(125)
    assert any(text.startswith("Unable to attach or mount volumes") for text in lab.events("web", "FailedMount"))
    lab.create(config_map("files", conf="a=1"))
    lab.advance(130)
    assert lab.state("web") == ("running", "")


def test_mounted_files_follow_their_config_map_but_sub_paths_do_not(lab: Lab) -> None:
    lab.create(config_map("files", conf="old"))
    mounts = [
        {"name": "v", "mountPath": "/etc/app"},
        {"name": "v", "mountPath": "/fixed.conf", "subPath": "conf"},
    ]
    lab.pod("web", {"volumeMounts": mounts}, volumes=[{"name": "v", "configMap": {"name": "files"}}])
    lab.advance(2)
    lab.patch("configmaps", "files", {"data": {"conf": "new"}})
    lab.advance(65)
    process = lab.cluster.nodes.running(NAMESPACE, "web", "c")
    files = process.context.files  # type: ignore[union-attr]
    assert (files["/etc/app/conf"], files["/fixed.conf"]) == ("new", "old")


def test_an_unknown_command_cannot_be_started(lab: Lab) -> None:
    lab.pod("web", {"command": ["nope", "-x"]})
    lab.advance(1)
    assert lab.state("web") == ("waiting", "RunContainerError")
    lab.advance(4)
    assert lab.state("web") == ("waiting", "CrashLoopBackOff")
    ended = lab.container("web")["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert 'exec: "nope": executable file not found in $PATH' in ended["message"]


def test_root_images_do_not_run_as_non_root(lab: Lab) -> None:
    lab.pod("web", {"securityContext": {"runAsNonRoot": True}})
    lab.advance(2)
    assert lab.state("web") == ("waiting", "CreateContainerConfigError")
    assert "container has runAsNonRoot and image will run as root" in lab.events("web", "Failed")[0]


@pytest.mark.parametrize(
    ("container", "text"),
    [
        ({"image": "localhost:5000/service:9.9"}, "trying and failing to pull image"),
        ({"env": from_config_map("nope", "a")}, "CreateContainerConfigError"),
    ],
)
def test_logs_of_a_waiting_container_say_why_there_are_none(lab: Lab, container: dict[str, Any], text: str) -> None:
    lab.pod("web", container)
    lab.advance(5)
    with pytest.raises(BackendError) as caught:
        lab.cluster.nodes.logs(NAMESPACE, "web", LogOptions("c"))
    assert caught.value.code == 400
    assert caught.value.message == f'container "c" in pod "web" is waiting to start: {text}'


def test_init_containers_run_one_after_the_other(lab: Lab) -> None:
    init = [
        {"name": "one", "image": SHELL, "command": ["sh", "-c", "sleep 3"]},
        {"name": "two", "image": SHELL, "command": ["sh", "-c", "sleep 3"]},
    ]
    lab.pod("web", initContainers=init)
    lab.advance(2)
    pod = lab.get("pods", "web")
    first, second = status_of(pod)["initContainerStatuses"]
    assert "running" in first["state"] and second["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert lab.state("web") == ("waiting", "PodInitializing")
    assert condition(pod, "Initialized") == ("False", "ContainersNotInitialized")
    lab.advance(8)
    assert lab.state("web") == ("running", "")
    assert condition(lab.get("pods", "web"), "Initialized") == ("True", "")


def test_a_failing_init_container_backs_off_and_holds_the_pod_pending(lab: Lab) -> None:
    lab.pod("web", initContainers=[{"name": "i", "image": SHELL, "command": ["sh", "-c", "exit 1"]}])
    lab.advance(30)
    pod = lab.get("pods", "web")
    assert status_of(pod)["phase"] == "Pending"
    assert status_of(pod)["initContainerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"


def test_a_sidecar_starts_first_and_runs_along(lab: Lab) -> None:
    sidecar: dict[str, Any] = {
        "name": "proxy",
        "image": SERVICE,
        "restartPolicy": "Always",
        "env": [{"name": "PORT", "value": "9999"}],
    }
    sidecar["startupProbe"] = {"httpGet": {"path": "/healthz", "port": 9999}, "periodSeconds": 1}
    lab.pod(
        "job", {"image": SHELL, "command": ["sh", "-c", "sleep 5"]}, initContainers=[sidecar], restartPolicy="Never"
    )
    lab.advance(0.6)
    assert lab.state("job") == ("waiting", "PodInitializing")
    lab.advance(3)
    assert lab.state("job") == ("running", "")
    lab.advance(10)
    assert status_of(lab.get("pods", "job"))["phase"] == "Succeeded"
    assert lab.cluster.nodes.running(NAMESPACE, "job", "proxy") is None
