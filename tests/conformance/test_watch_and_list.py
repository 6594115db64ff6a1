"""Watches and lists: resuming, expiry, selector transitions, bookmarks, paging, selectors."""

from __future__ import annotations

from typing import Any

from tests.conformance.clients import Client
from tests.conformance.objects import config_map, pod


def seen(events: list[Any]) -> list[tuple[str, str]]:
    return [(each["type"], each["object"]["metadata"].get("name", "")) for each in events if each["type"] != "BOOKMARK"]


def own(events: list[Any]) -> list[Any]:
    return [each for each in events if each["object"].get("metadata", {}).get("name", "").startswith("t-")]


def test_a_watch_resumes_after_a_version(cluster: Client) -> None:
    first = cluster.create("configmaps", config_map("t-a", {"k": "1"})).body
    cluster.patch("configmaps", "t-a", {"data": {"k": "2"}})
    cluster.create("configmaps", config_map("t-b", {}))
    cluster.delete("configmaps", "t-a")
    version = first["metadata"]["resourceVersion"]
    events = own(cluster.watch(cluster.path("configmaps"), f"resourceVersion={version}"))
    assert seen(events) == [("MODIFIED", "t-a"), ("ADDED", "t-b"), ("DELETED", "t-a")]
    assert events[0]["object"]["data"] == {"k": "2"}
    versions = [int(each["object"]["metadata"]["resourceVersion"]) for each in events]
    assert versions == sorted(versions) and versions[0] > int(version)


def test_a_watch_without_version_starts_with_what_is_there(cluster: Client) -> None:
    cluster.create("configmaps", config_map("t-a", {}))
    assert seen(own(cluster.watch(cluster.path("configmaps"), ""))) == [("ADDED", "t-a")]
    assert seen(own(cluster.watch(cluster.path("configmaps"), "resourceVersion=0"))) == [("ADDED", "t-a")]


def test_leaving_a_selection_is_deleted_and_entering_it_added(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("t-a", {}, labels={"l": "in"})).body
    cluster.patch("configmaps", "t-a", {"metadata": {"labels": {"l": "out"}}})
    cluster.patch("configmaps", "t-a", {"data": {"unseen": "1"}})
    cluster.patch("configmaps", "t-a", {"metadata": {"labels": {"l": "in"}}})
    query = f"labelSelector=l%3Din&resourceVersion={made['metadata']['resourceVersion']}"
    assert seen(cluster.watch(cluster.path("configmaps"), query)) == [("DELETED", "t-a"), ("ADDED", "t-a")]


def test_a_watch_of_one_object_by_field_selector(cluster: Client) -> None:
    made = cluster.create("configmaps", config_map("t-a", {})).body
    cluster.create("configmaps", config_map("t-b", {}))
    cluster.patch("configmaps", "t-a", {"data": {"k": "1"}})
    query = f"fieldSelector=metadata.name%3Dt-a&resourceVersion={made['metadata']['resourceVersion']}"
    assert seen(cluster.watch(cluster.path("configmaps"), query)) == [("MODIFIED", "t-a")]


def test_bookmarks_carry_only_a_version(cluster: Client) -> None:
    cluster.create("configmaps", config_map("t-a", {}))
    events = cluster.watch(cluster.path("configmaps"), "allowWatchBookmarks=true&resourceVersion=0")
    for each in events:
        if each["type"] == "BOOKMARK":
            assert each["object"]["kind"] == "ConfigMap"
            assert "name" not in each["object"]["metadata"]


def test_a_list_pages_by_limit_and_token(cluster: Client) -> None:
    for name in "abcde":
        cluster.create("configmaps", config_map(f"t-{name}", {}, labels={"page": "yes"}))
    names: list[str] = []
    token, pages = "", 0
    while True:
        more = {"continue": token} if token else {}
        answer = cluster.list("configmaps", labelSelector="page=yes", limit=2, **more)
        names += [each["metadata"]["name"] for each in answer["items"]]
        pages += 1
        token = answer["metadata"].get("continue", "")
        if not token:
            break
    assert names == ["t-a", "t-b", "t-c", "t-d", "t-e"]
    assert pages >= 3


def test_list_items_of_built_in_kinds_carry_no_kind(cluster: Client) -> None:
    cluster.create("configmaps", config_map("t-a", {}))
    answer = cluster.list("configmaps")
    assert (answer["kind"], answer["apiVersion"]) == ("ConfigMapList", "v1")
    assert all("kind" not in each and "apiVersion" not in each for each in answer["items"])
    assert answer["metadata"]["resourceVersion"]


def test_label_selectors_select(cluster: Client) -> None:
    for name, labels in (("t-a", {"x": "1", "y": "2"}), ("t-b", {"x": "2"}), ("t-c", {"y": "2"})):
        cluster.create("configmaps", config_map(name, {}, labels=labels))

    def found(selector: str) -> str:
        items = cluster.list("configmaps", labelSelector=selector)["items"]
        return "".join(each["metadata"]["name"][2:] for each in items if each["metadata"]["name"].startswith("t-"))

    assert found("x") == "ab"
    assert found("!x") == "c"
    assert found("x=1") == found("x==1") == "a"
    assert found("x!=1") == "bc"
    assert found("x in (1,2)") == "ab"
    assert found("x notin (1)") == "bc"
    assert found("x=1,y=2") == "a"
    assert found("x in (1,2),!y") == "b"


def test_field_selectors_select(cluster: Client) -> None:
    cluster.create("pods", pod("t-a"))
    cluster.create(
        "pods", pod("t-b", {"containers": [{"name": "c", "image": "localhost:5000/pause:3.2"}], "nodeName": "x"})
    )

    def found(selector: str) -> list[str]:
        return [each["metadata"]["name"] for each in cluster.list("pods", fieldSelector=selector)["items"]]

    assert found("metadata.name=t-a") == ["t-a"]
    assert found("spec.nodeName=x") == ["t-b"]
    assert found("spec.nodeName!=x") == ["t-a"]
    assert found("status.phase=Pending,metadata.name!=t-a") == ["t-b"]
    assert cluster.list("pods", fieldSelector="spec.bogus=1").code == 400


def test_too_large_a_version_times_out(cluster: Client) -> None:
    answer = cluster.list("configmaps", resourceVersion="999999999")
    assert (answer.code, answer.reason) == (504, "Timeout")
    assert ("", "ResourceVersionTooLarge") in answer.causes


def test_a_table_is_printed_on_demand(cluster: Client) -> None:
    cluster.create("configmaps", config_map("t-a", {"k": "1", "l": "2"}))
    headers = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "content-type": ""}
    answer = cluster.send("GET", cluster.path("configmaps", "t-a"), "", b"", headers)
    assert (answer["kind"], answer["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [each["name"] for each in answer["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert answer["rows"][0]["cells"][:2] == ["t-a", 2]
    assert answer["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
