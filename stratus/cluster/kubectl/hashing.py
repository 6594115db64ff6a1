"""The name suffix of --append-hash: a digest of the content, as kubectl and kustomize compute it."""

from __future__ import annotations

import copy
import hashlib

from stratus.cluster.gojson import go_json
from stratus.domain.base import JsonObject

_LETTERS = str.maketrans("013ae", "ghkmt")
"""Digits and vowels that could spell words are replaced."""


def named_by_content(manifest: JsonObject) -> JsonObject:
    """A ConfigMap or Secret whose name ends in ten letters of the digest of its content."""
    content: JsonObject = {
        "data": manifest.get("data") or "",
        "kind": manifest["kind"],
        "name": manifest["metadata"]["name"],
    }
    if manifest["kind"] == "Secret":
        content["type"] = manifest.get("type", "")
    elif manifest.get("binaryData"):
        content["binaryData"] = manifest["binaryData"]
    digest = hashlib.sha256(go_json(content).encode()).hexdigest()[:10].translate(_LETTERS)
    named = copy.deepcopy(manifest)
    named["metadata"]["name"] += f"-{digest}"
    return named
