"""Faults of the catalogue, repaired end to end in virtual time: nothing is scripted, the playbook reads what the API serves."""

from __future__ import annotations

import json

import pytest

from agents.options import IncidentOutcome
from stratus.cli.trial import healthy, looked_at, repaired
from stratus.domain.machine import IncidentState
from stratus.sandbox.cluster import EmbeddedCluster

QUICK = {
    "hotel/wrong-image": ("deployment/geo", "image"),
    "hotel/wrong-target-port": ("service/geo", "service-networking"),
    "hotel/scaled-to-zero": ("deployment/user", "scaling"),
    "hotel/bad-node-selector": ("deployment/profile", "scheduling"),
    "hotel/missing-env": ("deployment/geo", "auth-config"),
    "hotel/missing-service": ("service/mongodb-rate", "service-networking"),
    "hotel/network-policy": ("networkpolicy/deny-all-recommendation", "network-policy"),
}
SLOW = {
    "hotel/wrong-selector": ("service/frontend", "service-networking"),
    "hotel/readiness-probe": ("deployment/user", "probe"),
    "hotel/liveness-probe": ("deployment/recommendation", "probe"),
    "hotel/out-of-memory": ("deployment/reservation", "resources"),
    "hotel/hanging-init": ("deployment/profile", "init-container"),
    "hotel/slow-deploy": ("deployment/rate", "image"),
    "sregym/missing_service_hotel_reservation": ("service/mongodb-rate", "service-networking"),
    "sregym/service_dns_resolution_failure_social_network": ("configmap/coredns", "dns"),
    "sregym/taint_no_toleration_social_network": ("deployment/user-service", "scheduling"),
    "sregym/resource_request_too_large": ("deployment/mongodb-rate", "resources"),
    "sregym/namespace_memory_limit": ("resourcequota/memory-limit-quota", "quota"),
    "sregym/admission_webhook_outage_hotel_reservation": (
        "validatingwebhookconfiguration/pod-policy.validation.k8s.io", "admission"),
    "sregym/faulty_image_correlated": ("deployment/frontend", "image"),
    "sregym/wrong_bin_usage": ("deployment/profile", "command"),
    "sregym/rolling_update_misconfigured_hotel_reservation": ("deployment/custom-service", "rollout-strategy"),
    "sregym/cfs_cpu_throttling_hotel_reservation": ("deployment/geo", "resources"),
    "sregym/pvc_claim_mismatch": ("deployment/mongodb-geo", "storage"),
    "sregym/missing_configmap_hotel_reservation": ("configmap/mongo-geo-script", "config"),
    "sregym/missing_env_variable_astronomy_shop": ("deployment/frontend", "config"),
    "sregym/secret_rotation_stale_env_credentials_astronomy_shop": ("deployment/product-catalog", "auth-config"),
    "aiopslab/auth_miss_mongodb-mitigation-1": ("configmap/url-shorten-mongodb", "auth-config"),
    "aiopslab/redeploy_without_PV-mitigation-1": ("persistentvolume/geo-pv", "storage"),
    "sregym/ingress_misroute": ("ingress/hotel-reservation-ingress", "ingress"),
    "sregym/cronjob_sidecar_blocks_completion_hotel_reservation": ("cronjob/audit-log-archiver", "jobs"),
    "aiopslab/astronomy_shop_cartFailure-detection/localization": ("configmap/flagd-config", "feature-flag"),
    "aiopslab/astronomy_shop_adHighCpu-detection/localization": ("configmap/flagd-config", "feature-flag"),
    "aiopslab/astronomy_shop_kafka_queue_problems-mitigation-1": ("configmap/flagd-config", "feature-flag"),
    "aiopslab/astronomy_shop_recommendationCacheFailure-detection/localization": (
        "configmap/flagd-config", "feature-flag"),
}  # fmt: skip


def check(outcome: IncidentOutcome, component: str, fault_class: str) -> None:
    """Resolved, with the right diagnosis, by changes that were all kept."""
    assert outcome.outcome == "resolved", outcome
    assert outcome.diagnosis is not None
    assert (outcome.diagnosis.component, outcome.diagnosis.fault_class) == (component, fault_class)
    assert outcome.final == 0


@pytest.mark.parametrize("fault", QUICK)
async def test_the_first_change_heals(fault: str) -> None:
    story = await repaired(fault)
    check(story.outcome, *QUICK[fault])
    assert [r.outcome for r in story.outcome.transactions] == ["committed"]


@pytest.mark.slow
@pytest.mark.parametrize("fault", SLOW)
async def test_the_benchmarks_faults_are_repaired(fault: str) -> None:
    story = await repaired(fault)
    check(story.outcome, *SLOW[fault])
    assert "restored" not in [r.outcome for r in story.outcome.transactions]


async def test_when_the_revision_before_is_bad_too_it_is_undone_and_the_one_before_is_taken() -> None:
    """Two bad deploys in a row: the honest first guess makes it worse, and nothing is staged."""
    story = await repaired("hotel/two-bad-deploys")
    assert [r.outcome for r in story.outcome.transactions] == ["restored", "committed"]
    assert story.outcome.outcome == "resolved"
    (incident,) = story.board.incidents.values()
    states = [visit.state for visit in incident.path]
    assert states[states.index(IncidentState.UNDOING) + 1] is IncidentState.REFLECTING
    first, second = story.board.transactions.values()
    assert first.proposal.steps != second.proposal.steps


def patch(cluster: EmbeddedCluster, path: str, body: object) -> None:
    """A person's strategic merge patch."""
    headers = {"content-type": "application/strategic-merge-patch+json"}
    reply = cluster.request("PATCH", path, body=json.dumps(body).encode(), headers=headers)
    assert reply.status == 200, reply


@pytest.mark.parametrize("warm_up, outcome", [("20", "healthy"), ("400", "resolved")])
async def test_a_new_version_that_warms_up_is_left_alone_and_one_that_never_does_is_not(
    warm_up: str, outcome: str
) -> None:
    cluster = healthy("hotel", 90)
    container = {"name": "profile", "env": [{"name": "WARMUP", "value": warm_up}]}
    body = {"spec": {"template": {"spec": {"containers": [container]}}}}
    patch(cluster, "/apis/apps/v1/namespaces/hotel/deployments/profile", body)
    cluster.advance(2)
    story = await looked_at(cluster, "hotel", "hotel")
    assert story.outcome.outcome == outcome
