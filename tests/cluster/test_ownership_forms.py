"""Ownership that a server cannot keep as it was: given back once, not over and over."""

from __future__ import annotations

from typing import Any

from stratus.cluster.fieldsets import handed_back

EVERYTHING: Any = {"f:spec": {"f:selector": {".": {}, "f:app": {}}, "f:type": {}}}


def entry(manager: str, fields: Any) -> Any:
    return {"manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}


def service(*entries: Any) -> Any:
    return {"kind": "Service", "metadata": {"name": "web", "managedFields": list(entries)}}


def given_back(pre: Any, live: Any) -> Any:
    deleted: Any = {"metadata": {}}
    return handed_back(pre, deleted, live, ours=[()], theirs=[], undo_manager="stratus")


PLACE_ALONE: Any = {"f:spec": {"f:selector": {}, "f:type": {}}}
"""What a server leaves to a manager whose every key of a mapping was taken by others."""


def test_a_place_without_what_is_below_it_is_given_back() -> None:
    entries = given_back(service(entry("kubectl", PLACE_ALONE)), service(entry("stratus", EVERYTHING)))
    assert [(each["manager"], each["fieldsV1"]) for each in entries] == [("kubectl", PLACE_ALONE)]


def test_the_servers_expansion_of_it_is_good_enough() -> None:
    pre = service(entry("kubectl", PLACE_ALONE), entry("stratus", {"f:spec": {"f:selector": {"f:app": {}}}}))
    live = service(entry("kubectl", EVERYTHING), entry("stratus", {"f:spec": {"f:selector": {"f:app": {}}}}))
    assert given_back(pre, live) is None


def test_so_it_is_when_our_own_place_was_expanded() -> None:
    assert given_back(service(entry("stratus", PLACE_ALONE)), service(entry("stratus", EVERYTHING))) is None


def test_what_is_not_below_such_a_place_is_still_taken_away() -> None:
    pre = service(entry("stratus", {"f:spec": {"f:selector": {}}}), entry("ana", {"f:spec": {"f:type": {}}}))
    live = service(entry("stratus", EVERYTHING), entry("ana", {"f:spec": {"f:type": {}}}))
    entries = given_back(pre, live)
    assert entries[0]["manager"] == "stratus"
    assert "f:type" not in entries[0]["fieldsV1"]["f:spec"]
