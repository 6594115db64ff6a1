"""Commands without a comparable dry run: rehearsed through the compiler, then done for real by kubectl, and compared."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from stratus.domain.errors import Conflict, InvalidInput
from stratus.domain.steps import CreateStep, DeleteStep, EvictStep, PatchStep
from tests.kubectl.conftest import Kubectl, Ours
from tests.kubectl.normal import differences

pytestmark = [pytest.mark.realcluster, pytest.mark.slow]


@pytest.fixture
def restored(kubectl: Kubectl) -> Iterator[None]:
    """Whatever the test does to the objects of the manifest, the next one finds them as they were."""
    yield
    _restore(kubectl)


def _restore(kubectl: Kubectl) -> None:
    text = kubectl.manifest("objects.yaml")
    address = kubectl.objects(["get", "service", "web"])[0]["spec"]["clusterIP"]
    with_address = text.replace("  ports: [{name: http", f"  clusterIP: {address}\n  ports: [{{name: http")
    kubectl.run(["replace", "--validate=false", "-f", "-"], with_address)
    kubectl.run(["apply", "--validate=false", "-f", "-"], text)
    kubectl.run(["delete", "configmap", "brand-new", "--ignore-not-found"])


def _oldest(kubectl: Kubectl, target: str) -> str:
    rows = kubectl.run(["rollout", "history", target]).splitlines()
    return next(row.split()[0] for row in rows if row and row[0].isdecimal())


async def _both(line: str, kubectl: Kubectl, ours: Ours, stdin: str = "") -> list[str]:
    """Differences between our rehearsal and what kubectl then really does to the same objects."""
    words = shlex.split(line)
    rehearsed = await ours.rehearsed(words, stdin)
    kubectl.run([*words, "--validate=false"] if words[0] == "apply" else words, stdin)
    names = [f"{obj['kind']}.{_group(obj)}/{obj['metadata']['name']}" for obj in rehearsed]
    return differences(rehearsed, [kubectl.objects(["get", name])[0] for name in names])


def _group(obj: dict[str, str]) -> str:
    group, _, version = obj["apiVersion"].rpartition("/")
    return f"{version}.{group}"


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(
    "line",
    [
        "scale deploy web --replicas=0 --current-replicas=0",
        "scale wdg one --replicas=4",
        "scale sts --all --replicas=0",
        "rollout pause deployment/web",
        "rollout resume deployment/twin",
        "rollout undo deployment/web --to-revision=OLDEST",
        "rollout undo sts/db",
        "rollout undo sts/db --to-revision=OLDEST",
    ],
)
async def test_it_leaves_the_objects_that_kubectl_leaves(line: str, kubectl: Kubectl, ours: Ours) -> None:
    line = line.replace("OLDEST", _oldest(kubectl, line.split()[2])) if "OLDEST" in line else line
    assert await _both(line, kubectl, ours) == []


@pytest.mark.usefixtures("restored")
async def test_a_rollback_goes_to_the_revision_before(kubectl: Kubectl, ours: Ours) -> None:
    kubectl.run(["set", "image", "deploy/web", "main=localhost:5000/pause:7"])
    kubectl.run(["annotate", "deploy/web", "later=yes"])
    kubectl.run(["rollout", "status", "deploy/web", "--timeout=30s"])
    kubectl.run(["set", "env", "deploy/web", "EIGHT=8"])
    kubectl.run(["rollout", "status", "deploy/web", "--timeout=30s"])
    rehearsed = await ours.rehearsed(["rollout", "undo", "deploy/web"])
    kubectl.run(["rollout", "undo", "deploy/web"])
    live = kubectl.objects(["get", "deploy", "web"])
    assert differences(rehearsed, live) == []


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("kind", ["deploy/web", "sts/db", "ds/agent"])
async def test_a_restart_sets_one_annotation(kind: str, kubectl: Kubectl, ours: Ours) -> None:
    rehearsed = await ours.rehearsed(["rollout", "restart", kind])
    kubectl.run(["rollout", "restart", kind])
    live = kubectl.objects(["get", kind])
    for obj in (*rehearsed, *live):
        assert obj["spec"]["template"]["metadata"]["annotations"].pop("kubectl.kubernetes.io/restartedAt")
    assert differences(rehearsed, live) == []


@pytest.mark.usefixtures("restored")
async def test_a_second_apply_changes_fields_adds_and_removes_them(kubectl: Kubectl, ours: Ours) -> None:
    changed = kubectl.manifest("changed.yaml")
    assert await _both("apply -f -", kubectl, ours, changed) == []
    with pytest.raises(InvalidInput, match="nothing would change"):
        await ours.steps(["apply", "-f", "-"], changed)
    assert await _both("apply -f -", kubectl, ours, kubectl.manifest("objects.yaml")) == []


@pytest.mark.usefixtures("restored")
async def test_a_part_of_a_manifest_is_applied_by_label(kubectl: Kubectl, ours: Ours) -> None:
    changed = kubectl.manifest("changed.yaml")
    steps = await ours.steps(["apply", "-f", "-", "-l", "app=web"], changed)
    assert {step.target.kind for step in steps} == {"Deployment", "Service"}
    assert await _both("apply -f - -l app=web", kubectl, ours, changed) == []


@pytest.mark.usefixtures("restored")
async def test_an_apply_to_objects_of_another_origin(kubectl: Kubectl, ours: Ours) -> None:
    kubectl.run(["create", "-f", "-"], "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: brand-new}\ndata: {x: '1'}")
    assert await _both("apply -f -", kubectl, ours, kubectl.manifest("changed.yaml")) == []


@pytest.mark.usefixtures("restored")
async def test_server_side_apply_keeps_the_client_side_annotation_current(kubectl: Kubectl, ours: Ours) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: red}"
    done = (await ours.done(["apply", "--server-side", "--force-conflicts", "-f", "-"], text))[-1]
    _restore(kubectl)
    kubectl.run(["apply", "--server-side", "--force-conflicts", "-f", "-"], text)
    assert differences([done], kubectl.objects(["get", "configmap", "settings"])) == []


@pytest.mark.usefixtures("restored")
async def test_replace_and_create_from_a_file(kubectl: Kubectl, ours: Ours) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {only: this}"
    assert await _both("replace -f -", kubectl, ours, text) == []
    text = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"brand-new"},"data":{"a":"1"}}'
    assert await _both("create -f - --save-config", kubectl, ours, text) == []


@pytest.mark.parametrize(
    "line",
    [
        "delete deploy web twin",
        "delete deployment/web service/web",
        "delete deploy,svc,cm -l app=web",
        "delete cm --all",
        "delete wdg one",
        "delete rs --all",
        "delete -f -",
    ],
)
async def test_the_same_objects_are_deleted(line: str, kubectl: Kubectl, ours: Ours) -> None:
    words = shlex.split(line)
    stdin = kubectl.manifest("objects.yaml") if "-f" in words else ""
    printed = kubectl.run([*words, "--dry-run=server", "-o", "name"], stdin)
    steps = await ours.steps(words, stdin)
    assert all(isinstance(step, DeleteStep) for step in steps)
    names = [f"{line.split('/')[0].split('.')[0]}/{line.split('/')[1]}" for line in printed.split()]
    assert sorted(str(step.target) for step in steps) == sorted(names)


async def test_a_precondition_that_does_not_hold_is_a_conflict(ours: Ours) -> None:
    with pytest.raises(Conflict, match="to have 5 replicas, it has 0"):
        await ours.steps(shlex.split("scale deploy web --replicas=1 --current-replicas=5"))


@pytest.fixture
def pods(kubectl: Kubectl) -> Iterator[str]:
    """A pod of a ReplicaSet, one without owner, and one with an emptyDir, on the node; their label."""
    kubectl.run(["apply", "--validate=false", "-f", "-"], kubectl.manifest("pods.yaml"))
    kubectl.run(["wait", "--for=condition=PodScheduled", "pod", "-l", "room=kubectl", "--timeout=60s"])
    yield "room=kubectl"
    kubectl.run(["delete", "--wait=false", "-f", "-"], kubectl.manifest("pods.yaml"))


async def test_drain_evicts_what_kubectl_would_evict(kubectl: Kubectl, ours: Ours, pods: str) -> None:
    (name,) = {one["spec"]["nodeName"] for one in kubectl.objects(["get", "pods", "-l", pods])}
    line = ["drain", name, f"--pod-selector={pods}", "--ignore-daemonsets"]
    with pytest.raises(InvalidInput, match=r"(?=.*bare.*--force)(?=.*scratch.*--delete-emptydir-data)"):
        await ours.steps(line)
    line += ["--delete-emptydir-data", "--force"]
    printed = kubectl.run([*line, "--dry-run=server"])
    mine = f"{kubectl.namespace}/"
    evicted = {row.split()[2] for row in printed.splitlines() if row.startswith(f"evicting pod {mine}")}
    first, *rest = await ours.steps(line)
    assert isinstance(first, PatchStep) and first.patch == {"spec": {"unschedulable": True}}
    assert all(isinstance(step, EvictStep) for step in rest)
    paths = {f"{step.target.namespace}/{step.target.name}" for step in rest}
    assert {path for path in paths if path.startswith(mine)} == evicted != set()


async def test_a_rejected_patch_type_is_said_before_the_server_says_it(ours: Ours) -> None:
    with pytest.raises(InvalidInput, match="--type=merge"):
        await ours.steps(["patch", "wdg", "one", "-p", '{"spec":{"mode":null}}'])


async def test_a_generated_name_is_chosen_before(kubectl: Kubectl, ours: Ours) -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: gen-}}"
    (step,) = await ours.steps(["create", "-f", "-"], text)
    assert isinstance(step, CreateStep)
    assert step.manifest["metadata"] == {"name": "gen-abcde", "namespace": kubectl.namespace}
