"""A kind that nobody told STRATUS about: changed, deleted and brought back on a real cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.realcluster.room import Doing, Room, running

pytestmark = [pytest.mark.realcluster, pytest.mark.asyncio(loop_scope="module")]
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wdg]}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    subresources: {scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
"""
WIDGET = """
apiVersion: GROUP/v1
kind: Widget
metadata: {name: one, labels: {app: one}}
spec: {size: 2, parts: [{name: a, color: blue}, {name: b}]}
"""


CHILD = """
apiVersion: v1
kind: ConfigMap
metadata: {name: child, ownerReferences: [{apiVersion: GROUP/v1, kind: Widget, name: one, uid: UID}]}
"""


@pytest.fixture(scope="module")
def widgets(empty_room: Room) -> Iterator[Room]:
    """The definition, of this run alone, and one object."""
    group = f"{empty_room.namespace}.example.com"
    empty_room.apply(DEFINITION.replace("GROUP", group))
    try:
        empty_room.kubectl("wait", "--for=condition=Established", f"crd/widgets.{group}", "--timeout=30s")
        empty_room.apply(WIDGET.replace("GROUP", group))
        yield empty_room
    finally:
        empty_room.kubectl("delete", "crd", f"widgets.{group}", "--wait=false", check=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at_widgets(widgets: Room, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doing]:
    """An engine that started after the definition."""
    async with running(widgets, tmp_path_factory.mktemp("journal") / "journal.db") as found:
        yield found


@pytest.mark.parametrize(
    "line",
    [
        "kubectl scale wdg/one --replicas=5",
        "kubectl label widget one team=blue",
        """kubectl patch widget one --type=merge -p '{"spec": {"parts": [{"name": "c"}], "more": {"deep": true}}}'""",
        "kubectl delete widget one",
    ],
)
async def test_a_custom_resource_is_undone_exactly(line: str, widgets: Room, at_widgets: Doing) -> None:
    before = widgets.objects("widget/one")
    done = await at_widgets.do(line)
    assert done.outcome == "committed", done
    assert (await at_widgets.undo(done.tx)).outcome == "restored"
    assert widgets.objects("widget/one") == before


async def test_an_orphan_finds_its_owner_again(widgets: Room, at_widgets: Doing) -> None:
    owner = widgets.get("widget/one")
    child = CHILD.replace("GROUP", owner["apiVersion"].partition("/")[0]).replace("UID", owner["metadata"]["uid"])
    widgets.apply(child)
    before = widgets.objects("widget/one")
    done = await at_widgets.do("kubectl delete widget one --cascade=orphan")
    assert done.outcome == "committed", done
    widgets.kubectl("wait", "--for=delete", "widget/one", "--timeout=30s", check=False)
    assert "ownerReferences" not in widgets.get("cm/child")["metadata"]
    assert (await at_widgets.undo(done.tx)).outcome == "restored"
    (reference,) = widgets.get("cm/child")["metadata"]["ownerReferences"]
    assert reference["uid"] == widgets.get("widget/one")["metadata"]["uid"] != owner["metadata"]["uid"]
    after = widgets.objects("widget/one")
    for objects in (before, after):
        del objects["ConfigMap/child"]["metadata"]["ownerReferences"]
    assert after == before
