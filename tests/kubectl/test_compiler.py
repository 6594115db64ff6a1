"""What commands compile to, on a cluster of dictionaries."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import Any

import pytest

from stratus.cluster.kubectl import DryRunOnly, compile_command
from stratus.domain.errors import Absent, InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, DeleteStep, EvictStep, PatchStep, Proposal, ScaleStep
from tests.kubectl.fake import FakeReader, config_map, deployment, node, pod


async def compiled(line: str, *objects: Any, stdin: str = "", reader: FakeReader | None = None) -> Proposal:
    return await compile_command(
        shlex.split(line),
        reader=reader or FakeReader(*objects),
        namespace="shop",
        stdin=stdin,
        now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        suffix=lambda: "abcde",
    )


async def patch_of(line: str, *objects: Any) -> Any:
    (step,) = (await compiled(line, *objects)).steps
    assert isinstance(step, PatchStep)
    return step.patch


async def refusal(line: str, *objects: Any, stdin: str = "") -> str:
    with pytest.raises(InvalidInput) as caught:
        await compiled(line, *objects, stdin=stdin)
    return str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "kubectl scale deployment/web --replicas=3",
        "scale deploy web --replicas 3",
        "-n shop scale --replicas=3 deployments web",
        "scale -nshop Deployment.apps/web --replicas=3 -o yaml -v=8",
        "--namespace=shop scale deployments.v1.apps web --replicas=3",
    ],
)
async def test_one_meaning_in_every_spelling(line: str) -> None:
    target = ObjectRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="web")
    assert (await compiled(line)).steps == (ScaleStep(target=target, replicas=3),)


async def test_a_scale_by_name_reads_no_object() -> None:
    reader = FakeReader(deployment())
    await compiled("scale deploy web --replicas=3", reader=reader)
    await compiled("delete deploy web", reader=reader)
    assert reader.reads == []


async def test_the_proposal_says_the_command_and_no_shell_sees_its_words() -> None:
    proposal = await compiled("label deploy web note='|;$(x)'", deployment())
    assert proposal.command == "kubectl label deploy web 'note=|;$(x)'"
    assert (await patch_of("label deploy web note='|;$(x)'", deployment())) == {
        "metadata": {"labels": {"note": "|;$(x)"}}
    }


async def test_patches_say_only_what_changes() -> None:
    web = deployment()
    containers = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "a:2"}]}}}}
    assert await patch_of("set image deploy/web main=a:2", web) == containers
    env = {"spec": {"template": {"spec": {"containers": [{"name": "main", "env": None}]}}}}
    assert await patch_of("set env deploy/web -c main MODE-", web) == env
    stamp = {
        "spec": {
            "template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-02T03:04:05Z"}}}
        }
    }
    assert await patch_of("rollout restart deploy/web", web) == stamp


async def test_a_variable_that_is_given_twice_is_patched_by_index() -> None:
    web = deployment()
    web["spec"]["template"]["spec"]["containers"][0]["env"] *= 2
    (step,) = (await compiled("set env deploy/web -c main OTHER=1", web)).steps
    assert isinstance(step, PatchStep) and step.patch_type == "json"
    path = "/spec/template/spec/containers/0/env/2"
    assert step.patch == [{"op": "add", "path": path, "value": {"name": "OTHER", "value": "1"}}]


async def test_several_objects_give_several_steps() -> None:
    objects = [deployment(), deployment("api"), deployment("other", "elsewhere")]
    steps = (await compiled("label deploy --all a=b", *objects)).steps
    assert [step.target.path for step in steps] == ["shop/deployment/web", "shop/deployment/api"]
    steps = (await compiled("label deploy -A --all a=b", *objects)).steps
    assert len(steps) == 3
    steps = (await compiled("delete deploy/web cm/settings deploy/web")).steps
    assert [str(step.target) for step in steps] == ["deployment/web", "configmap/settings"]
    steps = (await compiled("label deploy,cm web a=b", deployment(), config_map("web"))).steps
    assert [str(step.target) for step in steps] == ["deployment/web", "configmap/web"]


async def test_what_is_so_already_gets_no_step() -> None:
    objects = [deployment(), deployment("api")]
    steps = (await compiled("label deploy --all app=web --overwrite", *objects)).steps
    assert [str(step.target) for step in steps] == ["deployment/api"]
    assert "nothing would change" in await refusal("label deploy web app=web", *objects)
    assert "nothing would change" in await refusal("cordon n1", node(unschedulable=True))


async def test_a_patch_of_the_scale_is_a_scale() -> None:
    line = 'patch deploy web --subresource=scale -p \'{"spec":{"replicas":3}}\''
    (step,) = (await compiled(line, deployment())).steps
    assert step == ScaleStep(target=step.target, replicas=3)
    for body in ('{"spec":{"replicas":3,"x":1}}', '{"metadata":{}}', '{"spec":{"replicas":"3"}}'):
        with pytest.raises(InvalidInput, match="use kubectl scale"):
            await compiled(f"patch deploy web --subresource=scale -p '{body}'", deployment())


async def test_custom_resources_take_merge_patches() -> None:
    widget = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "one", "namespace": "shop"},
        "spec": {"parts": [{"name": "a"}], "mode": {"fast": True}},
    }
    manifest = (
        "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: one}\nspec: {parts: [{name: b}], mode: {safe: 1}}"
    )
    (step,) = (await compiled("apply -f -", widget, stdin=manifest)).steps
    assert isinstance(step, PatchStep) and step.patch_type == "merge"
    assert step.patch["spec"] == {"parts": [{"name": "b"}], "mode": {"safe": 1}}


async def test_the_newest_version_that_is_served_is_created() -> None:
    (step,) = (await compiled("autoscale deploy web --min=1 --max=3 --cpu-percent=50", deployment())).steps
    assert isinstance(step, CreateStep)
    target = {"type": "Utilization", "averageUtilization": 50}
    assert step.target.api_version == "autoscaling/v2"
    assert step.manifest["spec"]["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


async def test_a_job_from_a_cronjob_is_owned_by_it() -> None:
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly", "namespace": "shop", "uid": "u1"},
        "spec": {"jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"template": {"spec": {"x": 1}}}}},
    }
    (step,) = (await compiled("create job j --from=cronjob/nightly", cron)).steps
    assert isinstance(step, CreateStep)
    assert step.manifest == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "j",
            "namespace": "shop",
            "labels": {"a": "b"},
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
            "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": "u1", "controller": True}
            ],
        },
        "spec": {"template": {"spec": {"x": 1}}},
    }


async def test_names_by_discovery() -> None:
    steps = (await compiled("delete ing/a ev/b deploy/c wdg/d")).steps
    assert [step.target.api_version for step in steps] == ["networking.k8s.io/v1", "v1", "apps/v1", "example.com/v1"]
    steps = (await compiled("delete deployments.example.org/x ingresses.v1beta1.extensions/y no/z")).steps
    assert [step.target.api_version for step in steps] == ["example.org/v1", "extensions/v1beta1", "v1"]
    assert steps[-1].target.namespace == ""


@pytest.mark.parametrize(
    ("flags", "propagation", "grace"),
    [
        ("", "Background", None),
        ("--cascade=orphan", "Orphan", None),
        ("--cascade=false", "Orphan", None),
        ("--cascade=foreground --grace-period=9", "Foreground", 9),
        ("--grace-period=0", "Background", 1),
        ("--grace-period=0 --force", "Background", 0),
        ("--force", "Background", 0),
        ("--now", "Background", 1),
    ],
)
async def test_grace_and_cascade_of_a_delete(flags: str, propagation: str, grace: int | None) -> None:
    (step,) = (await compiled(f"delete deploy web {flags}")).steps
    assert isinstance(step, DeleteStep)
    assert (step.propagation, step.grace_period_seconds) == (propagation, grace)


async def test_ignore_not_found_leaves_out_what_is_gone() -> None:
    steps = (await compiled("delete deploy web gone --ignore-not-found", deployment())).steps
    assert [str(step.target) for step in steps] == ["deployment/web"]


async def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(Absent, match="deployment/gone not found in namespace shop"):
        await compiled("label deploy gone a=b")


async def test_drain_cordons_and_evicts_under_the_rules() -> None:
    owner = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "owner", "namespace": "shop"},
        "spec": {},
    }
    finished, leaving, mirror = pod("finished"), pod("leaving"), pod("mirror")
    finished["status"]["phase"] = "Succeeded"
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    objects = [node(), owner, finished, leaving, mirror, pod("owned", owner="ReplicaSet"), pod("far", node="n2")]
    steps = (await compiled("drain n1 --grace-period=5", *objects)).steps
    assert [f"{step.kind} {step.target}" for step in steps] == [
        *["patch node/n1", "evict pod/finished", "evict pod/owned"]
    ]
    assert isinstance(steps[1], EvictStep) and steps[1].grace_period_seconds == 5
    objects += [
        pod("agent", owner="DaemonSet"),
        pod("bare"),
        pod("scratch", owner="ReplicaSet", volumes=[{"emptyDir": {}}]),
    ]
    message = await refusal("drain n1", *objects)
    for part in ("pod/agent", "--ignore-daemonsets", "pod/bare", "--force", "pod/scratch", "--delete-emptydir-data"):
        assert part in message
    steps = (
        await compiled("drain n1 --ignore-daemonsets --force --delete-emptydir-data --disable-eviction", *objects)
    ).steps
    assert [f"{step.kind} {step.target}" for step in steps[1:]] == [
        *["delete pod/finished", "delete pod/owned", "delete pod/bare", "delete pod/scratch"]
    ]


async def test_taints_are_set_changed_and_removed() -> None:
    tainted = node(taints=[{"key": "a", "effect": "NoSchedule"}, {"key": "b", "value": "1", "effect": "NoExecute"}])
    assert await patch_of("taint nodes n1 c=2:NoExecute", tainted) == {
        "spec": {
            "taints": [
                {"key": "c", "value": "2", "effect": "NoExecute"},
                {"key": "a", "effect": "NoSchedule"},
                {"key": "b", "value": "1", "effect": "NoExecute"},
            ]
        }
    }
    assert (await patch_of("taint nodes n1 a-", tainted))["spec"]["taints"][0]["key"] == "b"
    assert await patch_of("taint nodes n1 a- b:NoExecute-", tainted) == {"spec": {"taints": None}}
    assert "--overwrite" in await refusal("taint nodes n1 b=2:NoExecute", tainted)


@pytest.mark.parametrize("value", ["none", "false", ""])
async def test_a_dry_run_that_is_none_is_said_and_not_taken_for_safe(value: str) -> None:
    assert "means that kubectl writes" in await refusal(f"scale deploy web --replicas=1 --dry-run={value}")


@pytest.mark.parametrize("flag", ["--dry-run=client", "--dry-run=server", "--dry-run"])
async def test_a_dry_run_is_compiled_and_cannot_be_executed_by_mistake(flag: str) -> None:
    with pytest.raises(DryRunOnly) as caught:
        await compiled(f"scale deploy web --replicas=1 {flag}")
    assert isinstance(caught.value.proposal.steps[0], ScaleStep)


@pytest.mark.parametrize(
    "flag",
    [
        *["--context=prod", "--kubeconfig=/tmp/x", "--server=https://evil", "-shttps://evil", "--token=t", "--as=root"],
        *["--as-group=system:masters", "--insecure-skip-tls-verify", "--user=x", "--cluster=x", "--raw=/api/v1"],
    ],
)
async def test_no_flag_redirects_a_write(flag: str) -> None:
    for line in (f"{flag} scale deploy web --replicas=1", f"scale deploy web --replicas=1 {flag}"):
        assert "is not taken" in await refusal(line)


async def test_all_namespaces_only_where_the_verb_takes_it() -> None:
    assert "is not taken" in await refusal("scale deploy --all -A --replicas=1")
    assert "-A needs" in await refusal("delete deploy web -A")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("get pods", "only reads"),
        ("rollout status deploy/web", "only reads"),
        ("auth can-i get pods", "only reads"),
        ("logs web", "only reads"),
        ("exec -it web -- sh", "cannot be taken back"),
        ("cp a b:c", "cannot be taken back"),
        ("edit deploy web", "use patch"),
        ("port-forward web 80", "use kubectl itself"),
        ("create token robot", "cannot be taken back"),
        ("certificate approve x", "cannot be taken back"),
        ("scael deploy web", 'did you mean "scale"'),
        ("rollout restat deploy/web", 'did you mean "restart"'),
        ("set", "kubectl set takes env, image"),
        ("create secret", "takes docker-registry, generic, tls"),
        ("create secret genric x", 'did you mean "generic"'),
        ("", "a kubectl command is missing"),
        ("kubectl", "a kubectl command is missing"),
        ("delete all --all", "name the types"),
        ("delete deployment", "no name"),
        ("delete deplyoments x", 'did you mean "deployments"'),
        ("delete deploy/web web", "TYPE/NAME"),
        ("label deploy web --list", "nothing changes"),
        ("apply -k dir", "kubectl kustomize"),
        ("run p --image=a -it", "terminal session"),
        ("scale deploy web --replicas=1 --record", "kubernetes.io/change-cause"),
    ],
)
async def test_what_does_not_compile_says_what_to_do(line: str, message: str) -> None:
    assert message in await refusal(line, deployment())


async def test_files_are_read_only_where_the_caller_gives_them() -> None:
    assert "cannot be read here" in await refusal("apply -f /etc/passwd")
    assert "cannot be read here" in await refusal("create configmap c --from-file=/etc/passwd")
    assert "are not fetched" in await refusal("apply -f https://example.com/x.yaml")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "create secret generic s --from-literal=k=hunter2",
            "kubectl create secret generic s --from-literal=k=REDACTED",
        ),
        (
            "create secret generic s --from-literal k=hunter2",
            "kubectl create secret generic s --from-literal k=REDACTED",
        ),
        (
            "create secret docker-registry s --docker-username=u --docker-password hunter2",
            "kubectl create secret docker-registry s --docker-username=u --docker-password REDACTED",
        ),
        ('patch secret keys -p \'{"stringData":{"a":"hunter2"}}\'', "kubectl patch secret keys -p REDACTED"),
        ("set env deploy/web DB_PASSWORD=hunter2 A=b", "kubectl set env deploy/web DB_PASSWORD=REDACTED A=b"),
        ("patch secret keys -p'{\"data\":null}'", "kubectl patch secret keys -pREDACTED"),
        ("patch secret keys --patch='a: {b: c}'", "kubectl patch secret keys --patch=REDACTED"),
        ("run p --image=a --env=API_KEY=x --env=B=c", "kubectl run p --image=a --env=API_KEY=REDACTED --env=B=c"),
        ("run p --image=a --labels=token=x,b=c", "kubectl run p --image=a --labels=token=REDACTED,b=c"),
        ("create configmap c --from-literal=a=b", "kubectl create configmap c --from-literal=a=b"),
    ],
)
async def test_secrets_are_not_shown(line: str, shown: str) -> None:
    assert (await compiled(line, deployment())).command == shown
