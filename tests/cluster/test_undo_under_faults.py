"""An undo that is planned anew after every fault ends where it should, whatever the network does and however often."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus.cluster.normal import desired
from stratus.cluster.restore import plan_undo, verify
from stratus.cluster.tree import same
from stratus.domain.base import JsonObject
from stratus.domain.errors import OutcomeUnknown, Refused, Retryable
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, DeleteStep, PatchStep, ReplaceStep, Step
from stratus.ports import Precondition
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.testing.faults import LATE_BY, Fault, FaultyTransport, Request
from tests.cluster.conftest import Cluster, deployment, in_process
from tests.cluster.undoing import live, write

NAMESPACE = "default"
FAULTS = st.lists(st.sampled_from(list(Fault)), max_size=12)


def _steps(target: ObjectRef) -> dict[str, Step]:
    container = {"name": "main", "image": "other:1", "env": [{"name": "A", "value": "1"}]}
    manifest = deployment(target.name)
    manifest["metadata"]["namespace"] = NAMESPACE
    return {
        "patch": PatchStep(
            target=target,
            patch_type="strategic",
            patch={"spec": {"template": {"spec": {"containers": [container]}}}, "metadata": {"labels": {"a": "b"}}},
        ),
        "replace": ReplaceStep(target=target, manifest=manifest),
        "delete": DeleteStep(target=target),
        "create": CreateStep(target=target, manifest=manifest),
    }


class Undo:
    """The undo loop on a faulty wire; reads are repeated, every other error leads to a new plan."""

    def __init__(self, clean: Cluster, faults: list[Fault]) -> None:
        self._faults = iter(faults)
        self.faulty = Cluster(FaultyTransport(clean.transport, self._next), NAMESPACE, clean.wait)

    def _next(self, request: Request) -> Fault:
        return next(self._faults, Fault.NONE)

    async def run(self, target: ObjectRef, pre: JsonObject | None, post: JsonObject | None) -> None:
        for _ in range(60):
            try:
                plan = plan_undo(target, pre, post, await live(self.faulty, target))
                if plan.done:
                    return
                if plan.write is not None:
                    await self.faulty.writer.send(plan.write, plan.precondition)
                else:
                    await self.faulty.wait(0.5)
            except (Retryable, OutcomeUnknown, Refused):
                await self.faulty.wait(0.5)
        raise AssertionError(f"no end: {plan}")

    async def land_the_late(self, target: ObjectRef) -> None:
        """What was sent late lands now, if it can."""
        self._faults = iter(())
        for _ in range(LATE_BY + 1):
            await self.faulty.wait(1)
            await live(self.faulty, target)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(kind=st.sampled_from(["patch", "replace", "delete", "create"]), faults=FAULTS)
async def test_it_ends_restored(embedded: EmbeddedCluster, kind: str, faults: list[Fault]) -> None:
    clean = in_process(embedded, NAMESPACE)
    target = ObjectRef(api_version="apps/v1", kind="Deployment", namespace=NAMESPACE, name="web")
    await _reset(clean, target, exists=kind != "create")
    pre, post = await write(clean, _steps(target)[kind])
    undo = Undo(clean, faults)
    await undo.run(target, pre, post)
    await undo.land_the_late(target)
    now = await live(clean, target)
    assert verify(pre, post, now) == ()
    assert (now is None) == (pre is None)
    if pre and now:
        assert same(desired(now), desired(pre))
        assert _owned(now) == _owned(pre)


async def _reset(clean: Cluster, target: ObjectRef, *, exists: bool) -> None:
    if await live(clean, target) is not None:
        await clean.writer.send(DeleteStep(target=target), Precondition())
        await clean.wait(1)
    if exists:
        await clean.apply(deployment(target.name), "argocd-controller")
        await clean.wait(1)


def _owned(obj: JsonObject) -> list[tuple[str, str, JsonObject]]:
    entries = obj["metadata"]["managedFields"]
    return [(e["manager"], e["operation"], e["fieldsV1"]) for e in entries if e["manager"] != "kube-controller-manager"]
