"""Custom resource definitions: serving, pruning, validation, defaults, versions, status, removal."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.clients import APPLY, MERGE, STRATEGIC, Answer, Client

SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "mode": {"type": "string", "enum": ["on", "off"], "default": "on"},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "names": {"type": "array", "items": {"type": "string"}},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"spec": SPEC, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
}


class Widgets:
    """A custom resource on one cluster."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.group = f"g{uuid.uuid4().hex[:8]}.example.com"
        self.definition = f"widgets.{self.group}"

    def install(self) -> Answer:
        def version(name: str, stored: bool) -> Any:
            column = {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}
            return {
                "name": name, "served": True, "storage": stored, "schema": {"openAPIV3Schema": SCHEMA},
                "subresources": {"status": {}}, "additionalPrinterColumns": [column],
            }  # fmt: skip

        names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "shortNames": ["wd"]}
        versions = [version("v1", True), version("v1beta1", False)]
        spec = {"group": self.group, "scope": "Namespaced", "names": names, "versions": versions}
        return self.client.create("customresourcedefinitions", {"metadata": {"name": self.definition}, "spec": spec})

    def path(self, name: str = "", sub: str = "", version: str = "v1") -> str:
        base = f"/apis/{self.group}/{version}/namespaces/{self.client.namespace}/widgets"
        return base + (f"/{name}" if name else "") + (f"/{sub}" if sub else "")

    def widget(self, name: str, version: str = "v1", **spec: Any) -> Any:
        return {"apiVersion": f"{self.group}/{version}", "kind": "Widget", "metadata": {"name": name}, "spec": spec}

    def create(self, name: str, **spec: Any) -> Answer:
        return self.client.request("POST", self.path(), self.widget(name, **spec))


@pytest.fixture
def widgets(cluster: Client) -> Iterator[Widgets]:
    found = Widgets(cluster)
    assert found.install().code == 201
    cluster.eventually(lambda: cluster.request("GET", found.path()).code == 200)
    cluster.eventually(
        lambda: cluster.request("POST", found.path(), found.widget("probe", size=1), dryRun="All").code == 201
    )
    yield found
    cluster.delete("customresourcedefinitions", found.definition)


def test_objects_are_pruned_and_defaulted(widgets: Widgets) -> None:
    answer = widgets.create("a", size=3, unknown="x", free={"any": {"thing": 1}})
    assert answer.code == 201
    assert answer["spec"] == {"size": 3, "mode": "on", "free": {"any": {"thing": 1}}}
    assert answer["metadata"]["generation"] == 1


def test_invalid_objects_are_refused_with_causes(widgets: Widgets) -> None:
    assert ("spec.size", "FieldValueRequired") in widgets.create("a").causes
    assert "spec.size" in {field for field, _ in widgets.create("a", size=99).causes}
    assert ("spec.mode", "FieldValueNotSupported") in widgets.create("a", size=1, mode="maybe").causes
    answer = widgets.create("a", size="three")
    assert answer.code == 422
    assert "spec.size" in {field for field, _ in answer.causes}


def test_all_versions_show_the_same_object(widgets: Widgets) -> None:
    widgets.create("a", size=3)
    answer = widgets.client.request("GET", widgets.path("a", version="v1beta1"))
    assert answer["apiVersion"] == f"{widgets.group}/v1beta1"
    assert answer["spec"]["size"] == 3
    made = widgets.client.request("POST", widgets.path(version="v1beta1"), widgets.widget("b", "v1beta1", size=4))
    assert (made.code, made["apiVersion"]) == (201, f"{widgets.group}/v1beta1")
    assert widgets.client.request("GET", widgets.path("b"))["apiVersion"] == f"{widgets.group}/v1"


def test_status_is_a_subresource(widgets: Widgets) -> None:
    made = widgets.create("a", size=3).body
    put = widgets.client.request("PUT", widgets.path("a"), {**made, "status": {"ready": True}})
    assert "status" not in put.body
    now = {**put.body, "status": {"ready": True}, "spec": {"size": 9}}
    answer = widgets.client.request("PUT", widgets.path("a", "status"), now)
    assert answer["status"] == {"ready": True}
    assert answer["spec"]["size"] == 3
    assert answer["metadata"]["generation"] == 1


def test_put_needs_a_version(widgets: Widgets) -> None:
    widgets.create("a", size=3)
    answer = widgets.client.request("PUT", widgets.path("a"), widgets.widget("a", size=4))
    assert (answer.code, answer.causes) == (422, {("metadata.resourceVersion", "FieldValueInvalid")})


def test_generation_follows_the_spec(widgets: Widgets) -> None:
    widgets.create("a", size=3)
    answer = widgets.client.request("PATCH", widgets.path("a"), {"spec": {"size": 4}}, media=MERGE)
    assert answer["metadata"]["generation"] == 2
    answer = widgets.client.request("PATCH", widgets.path("a"), {"metadata": {"labels": {"a": "b"}}}, media=MERGE)
    assert answer["metadata"]["generation"] == 2


def test_strategic_merge_is_not_for_custom_resources(widgets: Widgets) -> None:
    widgets.create("a", size=3)
    answer = widgets.client.request("PATCH", widgets.path("a"), {"spec": {"size": 4}}, media=STRATEGIC)
    assert (answer.code, answer.reason) == (415, "UnsupportedMediaType")


def test_server_side_apply_owns_custom_fields(widgets: Widgets) -> None:
    one = widgets.widget("a", size=3)
    assert widgets.client.request("PATCH", widgets.path("a"), one, media=APPLY, fieldManager="one").code == 201
    two = widgets.widget("a", size=4)
    answer = widgets.client.request("PATCH", widgets.path("a"), two, media=APPLY, fieldManager="two")
    assert (answer.code, answer.causes) == (409, {(".spec.size", "FieldManagerConflict")})


def test_items_of_a_list_carry_their_kind(widgets: Widgets) -> None:
    widgets.create("a", size=3)
    answer = widgets.client.request("GET", widgets.path())
    assert answer["kind"] == "WidgetList"
    assert answer["items"][0]["kind"] == "Widget"


def test_discovery_names_the_resource(widgets: Widgets) -> None:
    answer = widgets.client.request("GET", f"/apis/{widgets.group}/v1")
    names = {each["name"]: each for each in answer["resources"]}
    assert names["widgets"]["shortNames"] == ["wd"]
    assert set(names["widgets"]["verbs"]) >= {"create", "delete", "get", "list", "patch", "update", "watch"}
    assert "widgets/status" in names


def test_columns_come_from_the_definition(widgets: Widgets) -> None:
    widgets.create("a", size=3)
    headers = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "content-type": ""}
    answer = widgets.client.send("GET", widgets.path(), "", b"", headers)
    assert answer["rows"][0]["cells"] == ["a", 3]


def test_a_watch_from_before_the_definition_is_gone(widgets: Widgets) -> None:
    """A real server compacts its history by the clock; what it serves since a moment ago has none from before, ever."""
    widgets.client.forget()
    first = widgets.client.watch(widgets.path(), "resourceVersion=1")[0]
    assert first["type"] == "ERROR"
    assert (first["object"]["code"], first["object"]["reason"]) == (410, "Expired")


def test_deleting_the_definition_deletes_the_objects(widgets: Widgets) -> None:
    widgets.create("a", size=3)
    client = widgets.client
    client.delete("customresourcedefinitions", widgets.definition)
    client.eventually(lambda: client.get("customresourcedefinitions", widgets.definition).code == 404)
    client.eventually(lambda: client.request("GET", widgets.path()).code == 404)


def test_a_definitions_name_follows_from_its_names(cluster: Client) -> None:
    found = Widgets(cluster)
    found.definition = f"other.{found.group}"
    answer = found.install()
    assert answer.code == 422
    assert ("metadata.name", "FieldValueInvalid") in answer.causes
