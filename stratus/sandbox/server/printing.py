"""How the API server's printers word the cells of a table."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import selectors
from stratus.sandbox.kernel import parse_time

Object = dict[str, Any]
NONE = "<none>"
UNKNOWN = "<unknown>"


def duration(seconds: float) -> str:
    """A span as `kubectl get` shows ages: 45s, 3m20s, 5h, 2d4h."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(0, whole)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return f"{minutes}m{whole % 60}s" if whole % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    years = days // 365
    return f"{years}y{days % 365}d" if years < 8 and days % 365 else f"{years}y"


def since(timestamp: str | None, now: float) -> str:
    return duration(now - parse_time(timestamp)) if timestamp else NONE


def labels(found: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((found or {}).items())) or NONE


def selector(found: Object | None) -> str:
    if found and "matchLabels" not in found and "matchExpressions" not in found:
        return labels(found)
    return selectors.to_text(found) or NONE


def container_names(spec: Object) -> str:
    return ",".join(each["name"] for each in spec.get("containers", ()))


def container_images(spec: Object) -> str:
    return ",".join(each.get("image", "") for each in spec.get("containers", ()))


def pod_ready(pod: Object) -> str:
    sidecars = {each["name"] for each in pod["spec"].get("initContainers", ()) if each.get("restartPolicy") == "Always"}
    status = pod.get("status", {})
    total = len(pod["spec"].get("containers", ())) + len(sidecars)
    ready = sum(1 for each in status.get("containerStatuses") or () if each.get("ready"))
    ready += sum(
        1 for each in status.get("initContainerStatuses") or () if each["name"] in sidecars and each.get("ready")
    )
    return f"{ready}/{total}"


def _state_reason(state: Object) -> str:
    """The word for a container that is not simply running."""
    waiting, terminated = state.get("waiting"), state.get("terminated")
    if waiting and waiting.get("reason"):
        return str(waiting["reason"])
    if terminated:
        if terminated.get("reason"):
            return str(terminated["reason"])
        if terminated.get("signal"):
            return f"Signal:{terminated['signal']}"
        return f"ExitCode:{terminated.get('exitCode', 0)}"
    return ""


def _init_status(pod: Object) -> str:
    specs = pod["spec"].get("initContainers", ())
    sidecars = {each["name"] for each in specs if each.get("restartPolicy") == "Always"}
    for index, each in enumerate(pod.get("status", {}).get("initContainerStatuses") or ()):
        state = each.get("state", {})
        terminated = state.get("terminated")
        if terminated and terminated.get("exitCode", 0) == 0:
            continue
        if each["name"] in sidecars and each.get("started"):
            continue
        reason = _state_reason(state)
        if terminated or (reason and reason != "PodInitializing"):
            return f"Init:{reason}"
        return f"Init:{index}/{len(specs)}"
    return ""


def pod_status(pod: Object) -> str:
    """The Status column of a pod."""
    status = pod.get("status", {})
    reason = status.get("reason") or status.get("phase", "")
    init = _init_status(pod)
    if init:
        reason = init
    else:
        reason = _main_status(status, reason)
    if pod["metadata"].get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return str(reason)


def _main_status(status: Object, reason: str) -> str:
    running = False
    for each in reversed(status.get("containerStatuses") or ()):
        state = each.get("state", {})
        word = _state_reason(state)
        if word:
            reason = word
        elif each.get("ready") and "running" in state:
            running = True
    if reason == "Completed" and running:
        conditions = status.get("conditions") or ()
        ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
        return "Running" if ready else "NotReady"
    return reason


def pod_restarts(pod: Object, now: float) -> str:
    total, last = 0, 0.0
    for each in (
        *(pod.get("status", {}).get("initContainerStatuses") or ()),
        *(pod.get("status", {}).get("containerStatuses") or ()),
    ):
        total += each.get("restartCount", 0)
        finished = (each.get("lastState", {}).get("terminated") or {}).get("finishedAt")
        last = max(last, parse_time(finished)) if finished else last
    return f"{total} ({duration(now - last)} ago)" if total and last else str(total)


def readiness_gates(pod: Object) -> str:
    gates = pod["spec"].get("readinessGates")
    if not gates:
        return NONE
    conditions = {each["type"]: each["status"] for each in pod.get("status", {}).get("conditions") or ()}
    true = sum(1 for gate in gates if conditions.get(gate["conditionType"]) == "True")
    return f"{true}/{len(gates)}"


def job_completions(job: Object) -> str:
    spec, succeeded = job["spec"], job.get("status", {}).get("succeeded", 0)
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    parallelism = spec.get("parallelism", 0)
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def job_duration(job: Object, now: float) -> str:
    status = job.get("status", {})
    start, end = status.get("startTime"), status.get("completionTime")
    if not start:
        return ""
    return duration((parse_time(end) if end else now) - parse_time(start))


def load_balancer(obj: Object) -> str:
    found = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(each.get("ip") or each.get("hostname", "") for each in found)


def external_ip(service: Object) -> str:
    spec = service["spec"]
    given = ",".join(spec.get("externalIPs") or ())
    if spec.get("type") == "LoadBalancer":
        return ",".join(each for each in (load_balancer(service), given) if each) or "<pending>"
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    return given or NONE


def service_ports(service: Object) -> str:
    shown = []
    for each in service["spec"].get("ports") or ():
        node = f":{each['nodePort']}" if each.get("nodePort") else ""
        shown.append(f"{each['port']}{node}/{each.get('protocol', 'TCP')}")
    return ",".join(shown) or NONE


def _some(found: list[str], limit: int) -> str:
    if not found:
        return NONE
    more = f" + {len(found) - limit} more..." if len(found) > limit else ""
    return ",".join(found[:limit]) + more


def endpoints(obj: Object) -> str:
    found = []
    for subset in obj.get("subsets") or ():
        addresses = [each["ip"] for each in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        if not ports:
            found += addresses
        for port in ports:
            found += [f"{address}:{port['port']}" for address in addresses]
    return _some(found, 3)


def slice_ports(obj: Object) -> str:
    return _some([str(each.get("port", "*")) for each in obj.get("ports") or ()], 3) if obj.get("ports") else "<unset>"


def slice_addresses(obj: Object) -> str:
    found = [address for each in obj.get("endpoints") or () for address in each.get("addresses") or ()]
    return _some(found, 3) if found else "<unset>"


def ingress_hosts(obj: Object) -> str:
    hosts = [rule["host"] for rule in obj.get("spec", {}).get("rules") or () if rule.get("host")]
    return _some(hosts, 3) if hosts else "*"


def node_status(node: Object) -> str:
    conditions = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions") or ()}
    ready = {"True": "Ready", None: "Unknown"}.get(conditions.get("Ready"), "NotReady")
    return f"{ready},SchedulingDisabled" if node.get("spec", {}).get("unschedulable") else ready


def node_roles(node: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    found = [key.removeprefix(prefix) for key in node["metadata"].get("labels") or {} if key.startswith(prefix)]
    return ",".join(sorted(found)) or NONE


def node_address(node: Object, type_: str) -> str:
    addresses = node.get("status", {}).get("addresses") or ()
    return next((each["address"] for each in addresses if each.get("type") == type_), NONE)


def event_last_seen(event: Object, now: float) -> str:
    stamp = event.get("lastTimestamp") or event.get("deprecatedLastTimestamp") or event.get("eventTime")
    return duration(now - parse_time(stamp)) if stamp else UNKNOWN


def event_object(event: Object) -> str:
    involved = event.get("involvedObject") or event.get("regarding") or {}
    return f"{involved.get('kind', '').lower()}/{involved.get('name', '')}"


def event_source(event: Object) -> str:
    source = event.get("source") or {}
    return ", ".join(each for each in (source.get("component", ""), source.get("host", "")) if each)


def phase(obj: Object) -> str:
    return (
        "Terminating" if obj["metadata"].get("deletionTimestamp") else str((obj.get("status") or {}).get("phase", ""))
    )


_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def access_modes(modes: list[str] | None) -> str:
    return ",".join(_MODES.get(mode, mode) for mode in modes or ())


def claim(volume: Object) -> str:
    found = volume["spec"].get("claimRef")
    return f"{found.get('namespace')}/{found.get('name')}" if found else ""


def scale_target(autoscaler: Object) -> str:
    target = autoscaler["spec"]["scaleTargetRef"]
    return f"{target['kind']}/{target['name']}"


def scale_metrics(autoscaler: Object) -> str:
    """`<current>/<target>` of each metric."""
    spec, status = autoscaler["spec"], autoscaler.get("status") or {}
    if "targetCPUUtilizationPercentage" in spec:
        current = status.get("currentCPUUtilizationPercentage")
        return f"{UNKNOWN if current is None else f'{current}%'}/{spec['targetCPUUtilizationPercentage']}%"
    found = []
    currents = status.get("currentMetrics") or []
    for index, metric in enumerate(spec.get("metrics") or ()):
        source = metric.get("resource") or {}
        target = source.get("target") or {}
        current = (currents[index].get("resource") or {}).get("current", {}) if index < len(currents) else {}
        if "averageUtilization" in target:
            have = current.get("averageUtilization")
            found.append(
                f"{source.get('name')}: {UNKNOWN if have is None else f'{have}%'}/{target['averageUtilization']}%"
            )
        else:
            found.append(f"{current.get('averageValue', UNKNOWN)}/{target.get('averageValue', UNKNOWN)}")
    return _some(found, 2)


def quota(obj: Object, *, limits: bool) -> str:
    status = obj.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    names = sorted(name for name in hard if name.startswith("limits.") == limits)
    return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in names)


def controller(obj: Object) -> str:
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            group = reference["apiVersion"].partition("/")[0] if "/" in reference["apiVersion"] else ""
            kind = reference["kind"].lower()
            return f"{kind}.{group}/{reference['name']}" if group else f"{kind}/{reference['name']}"
    return NONE
