"""Make definitions.json.gz from an unpacked kubernetes-validate wheel.

    pip download --no-deps kubernetes-validate==1.37.0 && unzip kubernetes_validate-*.whl -d unpacked
    python -m stratus.sandbox.schema.extract unpacked

The package is over 100 MB when installed, for one file that is needed here; see NOTICE for its licence.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

VERSION = "v1.31.0"
TARGET = Path(__file__).with_name("definitions.json.gz")
UNSERVED = re.compile(r"\.v\d+(alpha|beta)\d+\.|\.apiserverinternal\.|\.flowcontrol\.|\.storagemigration\.")


def plain(node: Any) -> Any:
    """The schema without nullability (which Kubernetes expresses by leaving fields out) and with short references."""
    if isinstance(node, list):
        return [plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    out = {key: plain(value) for key, value in node.items()}
    if isinstance(out.get("type"), list):
        out["type"] = next(each for each in out["type"] if each != "null")
    if isinstance(out.get("$ref"), str):
        out["$ref"] = out["$ref"].removeprefix("#/$defs/")
    return out


def definitions(unpacked: Path) -> dict[str, Any]:
    """The definitions of the served groups, by their OpenAPI names."""
    source = unpacked / "kubernetes_validate/kubernetes-json-schema" / f"{VERSION}-local" / "_definitions.json"
    found = json.loads(source.read_text())["$defs"]
    kept = {name: plain(node) for name, node in found.items() if not UNSERVED.search(name)}
    for node in kept.values():
        for field in ("apiVersion", "kind"):
            node.get("properties", {}).get(field, {}).pop("enum", None)
    return dict(sorted(kept.items()))


def main(unpacked: Path) -> None:
    """Write the file, reproducibly."""
    text = json.dumps(definitions(unpacked), separators=(",", ":"), sort_keys=True)
    TARGET.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
