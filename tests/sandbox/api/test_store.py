"""The store: revisions, indexes, the watch log, and the order in which subscribers see writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stratus.sandbox import store as store_module
from stratus.sandbox.store import Change, Expired, Key, Store


def obj(name: str, namespace: str = "a", **metadata: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def test_each_write_gets_the_next_revision_and_replaces_the_object() -> None:
    store = Store()
    first = store.put("configmaps", obj("x"))
    second = store.put("configmaps", {**first, "data": {"k": "v"}})
    assert int(second["metadata"]["resourceVersion"]) == int(first["metadata"]["resourceVersion"]) + 1
    assert "data" not in first
    assert store.get("configmaps", "a", "x") is second


def test_lists_are_ordered_by_namespace_and_name() -> None:
    store = Store()
    for namespace, name in (("b", "x"), ("a", "z"), ("a", "y")):
        store.put("configmaps", obj(name, namespace))
    found = [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in store.list("configmaps")]
    assert found == [("a", "y"), ("a", "z"), ("b", "x")]
    assert store.count("configmaps", "a") == 2
    assert store.list("configmaps", "c") == []


def test_a_removal_has_a_revision_of_its_own() -> None:
    store = Store()
    put = store.put("configmaps", obj("x"))
    gone = store.remove("configmaps", "a", "x")
    assert int(gone["metadata"]["resourceVersion"]) > int(put["metadata"]["resourceVersion"])
    assert store.get("configmaps", "a", "x") is None
    with pytest.raises(KeyError):
        store.remove("configmaps", "a", "x")


def test_the_log_tells_what_changed_since() -> None:
    store = Store()
    first = int(store.put("configmaps", obj("x"))["metadata"]["resourceVersion"])
    store.put("secrets", obj("s"))
    store.put("configmaps", obj("x"))
    store.remove("configmaps", "a", "x")
    assert [each.type for each in store.changes_since("configmaps", first)] == ["MODIFIED", "DELETED"]
    assert store.changes_since("configmaps", store.revision) == []


def test_the_log_forgets_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "LOG_LIMIT", 2)
    store = Store()
    for _ in range(4):
        store.put("configmaps", obj("x"))
    store.put("secrets", obj("s"))
    with pytest.raises(Expired):
        store.changes_since("configmaps", 1)
    assert len(store.changes_since("secrets", 1)) == 1
    store.compact()
    with pytest.raises(Expired):
        store.changes_since("secrets", 1)
    assert store.changes_since("secrets", store.revision) == []


def test_subscribers_see_one_order_even_if_one_of_them_writes() -> None:
    store, first, second = Store(), [], []

    def answer(change: Change) -> None:
        first.append(change.key.name)
        if change.key.name == "x":
            store.put("configmaps", obj("y"))

    store.subscribe(answer, "configmaps")
    store.subscribe(lambda change: second.append(change.key.name))
    store.put("configmaps", obj("x"))
    assert first == second == ["x", "y"]


def test_an_unsubscribed_callback_is_silent() -> None:
    store = Store()
    seen: list[Change] = []
    callback = seen.append
    store.subscribe(callback, "configmaps")
    store.unsubscribe(callback, "configmaps")
    store.put("configmaps", obj("x"))
    assert seen == []


def test_dependents_and_uids_are_indexed() -> None:
    store = Store()
    store.put("configmaps", obj("owner"))
    child = obj("child", ownerReferences=[{"uid": "uid-owner"}])
    store.put("configmaps", child)
    assert store.by_uid("uid-owner") == Key("configmaps", "a", "owner")
    assert [key.name for key in store.dependents("uid-owner")] == ["child"]
    child["metadata"].pop("ownerReferences")
    store.put("configmaps", child)
    assert store.dependents("uid-owner") == []
    store.remove("configmaps", "a", "owner")
    assert store.by_uid("uid-owner") is None


def test_json_is_made_once_per_state() -> None:
    store = Store()
    store.put("configmaps", obj("x"))
    record = store.record("configmaps", "a", "x")
    assert record is not None
    assert record.rest() is record.rest()
    assert json.loads(b"{" + record.rest()) == {"metadata": record.object["metadata"]}
