"""The shipped applications: what the real cluster runs, and images that exist."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stratus.sandbox.apps import applications
from stratus.sandbox.apps.images import Catalogue
from stratus.sandbox.apps.process import PullFailure

REAL = Path(__file__).parents[4] / "shared" / "realcluster" / "app" / "hotel.yaml"


@pytest.mark.skipif(not REAL.exists(), reason="the real test cluster's manifests are not beside this checkout")
def test_hotel_is_the_real_clusters_hotel() -> None:
    assert list(applications.application("hotel")) == list(yaml.safe_load_all(REAL.read_text()))


@pytest.mark.parametrize("name", applications.names())
def test_every_image_exists_and_every_reference_is_satisfied(name: str) -> None:
    objects = [*applications.application(name), *applications.furniture()]
    catalogue, kinds = Catalogue(), {(o["kind"], o["metadata"]["name"]) for o in objects}
    for obj in objects:
        template = obj.get("spec", {}).get("template") if obj["kind"] in ("Deployment", "DaemonSet") else None
        if template is None:
            continue
        for container in template["spec"]["containers"]:
            assert not isinstance(catalogue.pull(container["image"]), PullFailure)
        for volume in template["spec"].get("volumes", ()):
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in kinds
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in kinds


@pytest.mark.parametrize("name", applications.names())
def test_every_service_selects_a_workload(name: str) -> None:
    objects = [*applications.application(name), *applications.furniture()]
    labels = [o["spec"]["template"]["metadata"]["labels"].items() for o in objects if "template" in o.get("spec", {})]
    for service in (obj for obj in objects if obj["kind"] == "Service"):
        assert any(service["spec"]["selector"].items() <= found for found in labels), service["metadata"]["name"]
