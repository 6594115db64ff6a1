"""The defaults that the API server adds to workloads and their pods; other kinds' are in `defaults_other`.

Checked field by field against a real server: an engine that compares what it wrote with what it reads meets the same
additions here.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def _probe(probe: Object) -> None:
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)
    _handler(probe)


def _handler(handler: Object) -> None:
    http = handler.get("httpGet")
    if http is not None:
        http.setdefault("path", "/")
        http.setdefault("scheme", "HTTP")
    grpc = handler.get("grpc")
    if grpc is not None:
        grpc.setdefault("service", "")


def image_tag(image: str) -> str:
    """The tag of an image reference; `latest` when it names neither tag nor digest, empty for a digest."""
    if "@" in image:
        return ""
    last = image.rpartition("/")[2]
    return last.partition(":")[2] or "latest"


def _container(container: Object) -> None:
    if "imagePullPolicy" not in container:
        latest = image_tag(container.get("image", "")) == "latest"
        container["imagePullPolicy"] = "Always" if latest else "IfNotPresent"
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", ()):
        reference = variable.get("valueFrom", {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _probe(container[name])
    for handler in container.get("lifecycle", {}).values():
        if isinstance(handler, dict):
            _handler(handler)


def _requests(resources: Object) -> None:
    """A limit without a request is its own request."""
    limits = resources.get("limits")
    if not limits:
        return
    requests = resources.setdefault("requests", {})
    for name, value in limits.items():
        requests.setdefault(name, value)


def _field_refs(source: Object) -> None:
    for item in source.get("items", ()):
        if "fieldRef" in item:
            item["fieldRef"].setdefault("apiVersion", "v1")


def _projected(source: Object) -> None:
    source.setdefault("defaultMode", 420)
    for each in source.get("sources", ()):
        if "serviceAccountToken" in each:
            each["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        if "downwardAPI" in each:
            _field_refs(each["downwardAPI"])


def _volume(volume: Object) -> None:
    for name in ("configMap", "secret", "downwardAPI"):
        if name in volume:
            volume[name].setdefault("defaultMode", 420)
    if "downwardAPI" in volume:
        _field_refs(volume["downwardAPI"])
    if "projected" in volume:
        _projected(volume["projected"])
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    claim = volume.get("ephemeral", {}).get("volumeClaimTemplate")
    if claim is not None:
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    if len(volume) == 1:
        volume["emptyDir"] = {}


def pod_spec(spec: Object) -> None:
    """Defaults of a pod's specification, wherever it stands."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    if "serviceAccountName" in spec:
        spec["serviceAccount"] = spec["serviceAccountName"]
    elif "serviceAccount" in spec:
        spec["serviceAccountName"] = spec["serviceAccount"]
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(group, ()):
            _container(container)
    for volume in spec.get("volumes", ()):
        _volume(volume)
    if spec.get("hostNetwork"):
        for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
            for port in container.get("ports", ()):
                port.setdefault("hostPort", port.get("containerPort", 0))


def pod(obj: Object) -> None:
    pod_spec(obj["spec"])
    obj["spec"].setdefault("enableServiceLinks", True)
    for container in (*obj["spec"].get("initContainers", ()), *obj["spec"].get("containers", ())):
        _requests(container["resources"])
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def _template(spec: Object) -> None:
    pod_spec(spec["template"].setdefault("spec", {}))


def pod_template(obj: Object) -> None:
    _template(obj)


def deployment(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec["strategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    _template(spec)


def replica_set(obj: Object) -> None:
    obj["spec"].setdefault("replicas", 1)
    if "template" in obj["spec"]:
        _template(obj["spec"])


def replication_controller(obj: Object) -> None:
    replica_set(obj)
    labels = obj["spec"].get("template", {}).get("metadata", {}).get("labels")
    if labels:
        obj["spec"].setdefault("selector", dict(labels))
        obj["metadata"].setdefault("labels", dict(labels))


def daemon_set(obj: Object) -> None:
    spec = obj["spec"]
    annotations = obj["metadata"].setdefault("annotations", {})
    annotations.setdefault("deprecated.daemonset.template.generation", "1")
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec["updateStrategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("maxUnavailable", 1)
    _template(spec)


def stateful_set(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec["updateStrategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    for claim in spec.get("volumeClaimTemplates", ()):
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        claim["spec"].setdefault("volumeMode", "Filesystem")
        claim.setdefault("status", {}).setdefault("phase", "Pending")
    _template(spec)


def job_spec(spec: Object) -> None:
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    _template(spec)


def job(obj: Object) -> None:
    job_spec(obj["spec"])
    labels = obj["spec"]["template"].get("metadata", {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)


def cron_job(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    template = spec["jobTemplate"].setdefault("spec", {})
    pod_spec(template.setdefault("template", {}).setdefault("spec", {}))
