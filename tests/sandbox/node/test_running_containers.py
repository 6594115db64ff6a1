"""How containers run and end: probes, exits, restarts with back-off, memory limits, termination."""

from __future__ import annotations

from stratus.sandbox.backend import LogOptions
from stratus.sandbox.objects import spec_of, status_of
from tests.sandbox.life import NAMESPACE, SHELL, Lab, condition


def shell(script: str) -> dict[str, object]:
    return {"image": SHELL, "command": ["sh", "-c", script]}


def test_crashes_are_restarted_after_10_20_40_seconds(lab: Lab) -> None:
    lab.pod("web", shell("echo bad; exit 3"))
    counts = []
    for seconds in (5, 10, 20, 40):
        lab.advance(seconds)
        counts.append(lab.container("web")["restartCount"])
    assert counts == [1, 2, 3, 4]
    own = lab.container("web")
    assert own["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert own["state"]["waiting"]["message"].startswith("back-off 1m20s restarting failed container=c pod=web_test(")
    assert own["lastState"]["terminated"]["exitCode"] == 3 and own["lastState"]["terminated"]["reason"] == "Error"
    assert lab.events("web", "BackOff") == ["Back-off restarting failed container"]
    assert status_of(lab.get("pods", "web"))["phase"] == "Running"


def test_the_back_off_never_exceeds_five_minutes(lab: Lab) -> None:
    lab.pod("web", shell("exit 1"))
    lab.advance(3600)
    before = lab.container("web")["restartCount"]
    lab.advance(1500)
    assert lab.container("web")["restartCount"] == before + 5
    assert "back-off 5m0s" in lab.container("web")["state"]["waiting"]["message"]


def test_the_back_off_is_forgotten_after_ten_good_minutes(lab: Lab) -> None:
    lab.pod("web", shell("sleep 700; exit 1"))
    lab.advance(2200)
    assert lab.container("web")["restartCount"] == 3
    assert "10s" not in str(lab.container("web")["state"])


def test_restart_policies_decide_what_becomes_of_an_end(lab: Lab) -> None:
    lab.pod("never", shell("exit 3"), restartPolicy="Never")
    lab.pod("done", shell("echo hi"), restartPolicy="OnFailure")
    lab.pod("always", shell("exit 0"))
    lab.advance(5)
    assert status_of(lab.get("pods", "never"))["phase"] == "Failed"
    done = lab.get("pods", "done")
    assert status_of(done)["phase"] == "Succeeded"
    assert condition(done, "Ready") == ("False", "PodCompleted")
    assert lab.state("done") == ("terminated", "Completed")
    assert lab.state("always") == ("waiting", "CrashLoopBackOff")


def test_logs_of_the_previous_instance_stay_readable(lab: Lab) -> None:
    lab.pod("web", shell("echo bad; exit 3"))
    lab.advance(5)
    assert lab.cluster.nodes.logs(NAMESPACE, "web", LogOptions("c", previous=True)) == "bad\n"
    assert lab.cluster.nodes.logs(NAMESPACE, "web", LogOptions("c", tail_lines=1)) == "bad\n"


def test_too_much_memory_is_killed(lab: Lab) -> None:
    lab.pod("web", {"resources": {"limits": {"memory": "10Mi"}}})
    lab.advance(5)
    ended = lab.container("web")["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")
    lab.pod("small", {"resources": {"limits": {"memory": "64Mi"}}})
    lab.advance(30)
    assert lab.state("small") == ("running", "")


def test_a_failing_readiness_probe_takes_the_pod_out_of_service_only(lab: Lab) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 9999}, "periodSeconds": 2}
    lab.pod("web", {"readinessProbe": probe})
    lab.advance(60)
    pod = lab.get("pods", "web")
    assert lab.state("web") == ("running", "") and lab.container("web")["restartCount"] == 0
    assert condition(pod, "Ready") == ("False", "ContainersNotReady")
    address = status_of(pod)["podIP"]
    refused = f"dial tcp {address}:9999: connect: connection refused"
    expected = f'Readiness probe failed: Get "http://{address}:9999/healthz": {refused}'
    assert lab.events("web", "Unhealthy") == [expected]


def test_probe_thresholds_are_counted(lab: Lab) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5, "successThreshold": 3}
    lab.pod("web", {"readinessProbe": probe})
    lab.advance(9)
    assert condition(lab.get("pods", "web"), "Ready")[0] == "False"
    lab.advance(10)
    assert condition(lab.get("pods", "web"), "Ready")[0] == "True"


def test_readiness_is_lost_and_found_again_with_the_answer(lab: Lab) -> None:
    probe = {"exec": {"command": ["sh", "-c", "test -f /ok/yes"]}, "periodSeconds": 1, "failureThreshold": 2}
    mounts = [{"name": "v", "mountPath": "/ok"}]
    volumes = [{"name": "v", "configMap": {"name": "switch", "optional": True}}]
    switch = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "switch", "namespace": NAMESPACE}}
    lab.create({**switch, "data": {"yes": "1"}})
    lab.pod("web", {"readinessProbe": probe, "volumeMounts": mounts}, volumes=volumes)
    lab.advance(5)
    assert condition(lab.get("pods", "web"), "Ready")[0] == "True"
    lab.patch("configmaps", "switch", {"data": {"yes": None}})
    lab.advance(90)
    assert condition(lab.get("pods", "web"), "Ready")[0] == "False"
    lab.patch("configmaps", "switch", {"data": {"yes": "1"}})
    lab.advance(90)
    assert condition(lab.get("pods", "web"), "Ready")[0] == "True"


def test_a_failing_liveness_probe_restarts_the_container(lab: Lab) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 9999}, "periodSeconds": 5, "failureThreshold": 1}
    lab.pod("web", {"livenessProbe": probe})
    lab.advance(60)
    assert lab.container("web")["restartCount"] >= 3
    assert lab.events("web", "Killing") == ["Container c failed liveness probe, will be restarted"]
    assert lab.container("web")["lastState"]["terminated"]["exitCode"] == 137


def test_a_startup_probe_holds_the_others_back(lab: Lab) -> None:
    startup = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 30}
    liveness = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    env = [{"name": "WARMUP", "value": "10"}]
    lab.pod("slow", {"startupProbe": startup, "livenessProbe": liveness, "env": env})
    lab.advance(6)
    assert lab.container("slow")["started"] is False
    lab.advance(20)
    assert lab.container("slow")["started"] is True and lab.container("slow")["restartCount"] == 0


def test_a_quiet_healthy_cluster_changes_nothing(lab: Lab) -> None:
    """Idle time must cost next to nothing: only the nodes' leases are renewed."""
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    lab.pod("web", {"readinessProbe": probe, "livenessProbe": probe})
    lab.advance(30)
    writes: list[str] = []
    lab.cluster.store.subscribe(lambda change: writes.append(change.resource))
    lab.advance(250)
    assert set(writes) <= {"leases.coordination.k8s.io", "nodes"}


def test_deletion_gives_the_process_its_grace(lab: Lab) -> None:
    lab.pod("web", terminationGracePeriodSeconds=30)
    lab.advance(2)
    lab.delete("pods", "web")
    lab.advance(0.1)
    pod = lab.get("pods", "web")
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 30
    assert lab.events("web", "Killing") == ["Stopping container c"]
    lab.advance(2)
    assert not lab.exists("pods", "web")
    assert lab.cluster.nodes.running(NAMESPACE, "web", "c") is None


def test_forced_deletion_leaves_no_process_behind(lab: Lab) -> None:
    lab.pod("web")
    lab.advance(2)
    process = lab.cluster.nodes.running(NAMESPACE, "web", "c")
    assert process is not None
    lab.delete("pods", "web", grace=0)
    lab.settle()
    assert not lab.exists("pods", "web")
    assert not process.listening(lab.cluster.kernel.now())


def test_a_pod_with_a_deadline_fails_when_it_is_over(lab: Lab) -> None:
    lab.pod("web", activeDeadlineSeconds=20)
    lab.advance(25)
    status = status_of(lab.get("pods", "web"))
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")


def test_addresses_are_unique_and_come_back(lab: Lab) -> None:
    for number in range(5):
        lab.pod(f"web{number}")
    lab.advance(2)
    used = [status_of(pod)["podIP"] for number in range(5) for pod in lab.pods(f"web{number}")]
    assert len(set(used)) == 5
    assert all(spec_of(lab.get("pods", f"web{n}"))["nodeName"] in ("node-1", "node-2") for n in range(5))


def test_a_pod_deleted_while_its_container_is_being_restarted_goes(lab: Lab) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 9999}, "periodSeconds": 1, "failureThreshold": 1}
    hook = {"preStop": {"exec": {"command": ["sleep", "10"]}}}
    lab.pod("web", {"livenessProbe": probe, "lifecycle": hook}, terminationGracePeriodSeconds=30)
    lab.advance(3)
    assert lab.events("web", "Killing") == ["Container c failed liveness probe, will be restarted"]
    lab.delete("pods", "web")
    lab.advance(15)
    assert not lab.exists("pods", "web")


def test_a_pre_stop_hook_is_waited_for_but_not_beyond_the_grace(lab: Lab) -> None:
    hook = {"preStop": {"exec": {"command": ["sleep", "20"]}}}
    lab.pod("patient", {"lifecycle": hook}, terminationGracePeriodSeconds=30)
    lab.pod("hasty", {"lifecycle": hook}, terminationGracePeriodSeconds=5)
    lab.advance(2)
    lab.delete("pods", "patient")
    lab.delete("pods", "hasty")
    lab.advance(6)
    assert (lab.exists("pods", "patient"), lab.exists("pods", "hasty")) == (True, False)
    lab.advance(16)
    assert not lab.exists("pods", "patient")


def test_pods_of_a_node_that_is_gone_are_made_elsewhere(lab: Lab) -> None:
    lab.workload("Deployment", "web", 2)
    lab.advance(2)
    lab.cluster.nodes.kubelets["node-2"].stop()
    lab.cluster.api.delete("nodes", "", "node-2")
    lab.advance(60)
    assert [spec_of(pod)["nodeName"] for pod in lab.pods("web")] == ["node-1", "node-1"]
    lab.cluster.nodes.kubelets["node-2"].resume()
    lab.advance(15)
    assert condition(lab.get("nodes", "node-2", ""), "Ready") == ("True", "KubeletReady")
