"""How Go writes the built-in kinds as JSON, which the OpenAPI schema does not tell.

Optional plain values that are zero are left out, pointers to zero are kept, and some structs are always there. A
client that compares what it wrote with what is stored meets exactly these differences.
"""

from __future__ import annotations

from typing import Any

# Optional scalars that are pointers in Go: false, 0 and "" are kept.
POINTERS = frozenset(
    """
    maxSurge maxUnavailable minAvailable
    replicas revisionHistoryLimit progressDeadlineSeconds terminationGracePeriodSeconds activeDeadlineSeconds
    runAsUser runAsGroup runAsNonRoot fsGroup fsGroupChangePolicy privileged allowPrivilegeEscalation
    readOnlyRootFilesystem procMount automountServiceAccountToken shareProcessNamespace enableServiceLinks priority
    preemptionPolicy runtimeClassName setHostnameAsFQDN hostUsers optional defaultMode mode expirationSeconds immutable
    suspend startingDeadlineSeconds successfulJobsHistoryLimit failedJobsHistoryLimit timeZone parallelism completions
    backoffLimit backoffLimitPerIndex maxFailedIndexes ttlSecondsAfterFinished manualSelector completionMode
    podReplacementPolicy managedBy minReplicas targetCPUUtilizationPercentage stabilizationWindowSeconds
    averageUtilization partition allowVolumeExpansion controller blockOwnerDeletion deletionGracePeriodSeconds
    storageClassName volumeMode volumeAttributesClassName ingressClassName internalTrafficPolicy ipFamilyPolicy
    allocateLoadBalancerNodePorts loadBalancerClass appProtocol tolerationSeconds leaseDurationSeconds
    leaseTransitions holderIdentity acquireTime renewTime ready serving terminating started hostname nodeName zone
    selectPolicy failurePolicy matchPolicy reinvocationPolicy scope timeoutSeconds sideEffects attachRequired
    podInfoOnMount url path caBundle apiGroup namespace reclaimPolicy volumeBindingMode readOnly fsType
    observedGeneration recursiveReadOnly localhostProfile minDomains unhealthyPodEvictionPolicy
    nodeAffinityPolicy nodeTaintsPolicy endPort port protocol name type restartPolicy hostProcess collisionCount
    """.split()
)

# Where a name in POINTERS is a plain value in these definitions, or where a zero is left out all the same.
PLAIN = {
    "Container": {"name"},
    "EphemeralContainer": {"name"},
    "Probe": {"timeoutSeconds"},
    "ObjectMeta": {"name", "namespace"},
    "ObjectReference": {"name", "namespace"},
    "LocalObjectReference": {"name"},
    "PodSpec": {"nodeName", "hostname", "restartPolicy"},
    "PodStatus": {"nodeName"},
    "ContainerPort": {"name", "protocol"},
    "ServicePort": {"name", "protocol"},
    "EndpointPort": {"protocol"},
    "EndpointAddress": {"hostname"},
    "ServiceSpec": {"type"},
    "DeploymentStrategy": {"type"},
    "DaemonSetUpdateStrategy": {"type"},
    "StatefulSetUpdateStrategy": {"type"},
    "ConfigMapKeySelector": {"name"},
    "SecretKeySelector": {"name"},
    "ConfigMapEnvSource": {"name"},
    "SecretEnvSource": {"name"},
    "ConfigMapVolumeSource": {"name"},
    "ConfigMapProjection": {"name"},
    "SecretProjection": {"name"},
    "VolumeMount": {"readOnly"},
    "Secret": {"type"},
    "ConfigMap": set(),
    "PersistentVolumeClaimVolumeSource": {"readOnly"},
    "NFSVolumeSource": {"readOnly"},
    "HTTPGetAction": {"path"},
    "HTTPIngressPath": {"path"},
    "Subject": {"apiGroup", "namespace"},
    "NonResourceAttributes": {"path"},
    "ResourceAttributes": {"name", "namespace"},
    "SeccompProfile": {"type"},
    "Event": {"type"},
    "EventSource": {"host"},
    "ServiceReference": {"namespace", "name"},
    "ContainerStatus": {"ready"},
    "NodeSpec": set(),
    "ReplicaSetStatus": {"observedGeneration"},
    "DeploymentStatus": {"observedGeneration", "replicas"},
    "StatefulSetStatus": {"observedGeneration"},
    "DaemonSetStatus": {"observedGeneration"},
    "PodDisruptionBudgetStatus": {"observedGeneration"},
    "ReplicationControllerStatus": {"observedGeneration"},
    "CustomResourceDefinitionNames": {"singular"},
    "PersistentVolumeSpec": {"storageClassName"},
    "Taint": set(),
}

# Fields without omitempty, or structs by value: present even if the client left them out.
ALWAYS: dict[str, dict[str, Any]] = {
    "Container": {"resources": {}},
    "EphemeralContainer": {"resources": {}},
    "DeploymentSpec": {"strategy": {}, "template": {}},
    "DaemonSetSpec": {"updateStrategy": {}, "template": {}},
    "StatefulSetSpec": {"updateStrategy": {}, "template": {}},
    "JobSpec": {"template": {}},
    "PodTemplateSpec": {"metadata": {"creationTimestamp": None}, "spec": {}},
    "PodTemplate": {"template": {}},
    "JobTemplateSpec": {"metadata": {"creationTimestamp": None}, "spec": {}},
    "CronJobSpec": {"jobTemplate": {}},
    "Deployment": {"spec": {}, "status": {}},
    "DaemonSet": {
        "spec": {},
        "status": {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0},
    },
    "StatefulSet": {"spec": {}, "status": {"replicas": 0}},
    "ReplicaSet": {"spec": {}, "status": {"replicas": 0}},
    "ReplicationController": {"spec": {}, "status": {"replicas": 0}},
    "Job": {"spec": {}, "status": {}},
    "CronJob": {"spec": {}, "status": {}},
    "Pod": {"spec": {}, "status": {}},
    "Service": {"spec": {}, "status": {"loadBalancer": {}}},
    "ServiceStatus": {"loadBalancer": {}},
    "IngressStatus": {"loadBalancer": {}},
    "Ingress": {"spec": {}, "status": {"loadBalancer": {}}},
    "NetworkPolicy": {"spec": {}},
    "NetworkPolicySpec": {"podSelector": {}},
    "PersistentVolumeClaim": {"spec": {}, "status": {}},
    "PersistentVolumeClaimSpec": {"resources": {}},
    "PersistentVolume": {"spec": {}, "status": {}},
    "Namespace": {"spec": {}, "status": {}},
    "ResourceQuota": {"spec": {}, "status": {}},
    "LimitRange": {"spec": {}},
    "LimitRangeSpec": {"limits": None},
    "PodDisruptionBudget": {
        "spec": {},
        "status": {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
    },
    "Event": {
        "involvedObject": {},
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    },
    "Lease": {"spec": {}},
    "Role": {"rules": None},
    "ClusterRole": {"rules": None},
    "EndpointSlice": {"endpoints": None, "ports": None},
    "Node": {
        "spec": {},
        "status": {
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
            "nodeInfo": {
                "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "", "osImage": "",
                "containerRuntimeVersion": "", "kubeletVersion": "", "kubeProxyVersion": "", "operatingSystem": "",
                "architecture": "",
            },
        },
    },
    "MutatingWebhook": {"clientConfig": {}},
    "ValidatingWebhook": {"clientConfig": {}},
    "Scale": {"spec": {}, "status": {"replicas": 0}},
}  # fmt: skip


# Status structs that are always there do not depend on the version of the kind, but their content may.
ALWAYS_VERSIONED: dict[str, dict[str, Any]] = {
    "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler": {"status": {"currentReplicas": 0, "desiredReplicas": 0}},
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler": {
        "status": {"conditions": None, "currentMetrics": None, "currentReplicas": 0, "desiredReplicas": 0}
    },
    "io.k8s.api.events.v1.Event": {"eventTime": None, "deprecatedSource": {}},
}


def keeps_zero(struct: str, field: str) -> bool:
    """Whether a zero scalar in this optional field is written, `struct` being the definition's last segment."""
    plain = PLAIN.get(struct)
    return field in POINTERS and (plain is None or field not in plain)


def always(definition: str) -> dict[str, Any]:
    """The fields that an object of this definition always has, with the value they have when unset."""
    versioned = ALWAYS_VERSIONED.get(definition)
    if versioned is not None:
        return versioned
    if not definition.startswith("io.k8s.api."):
        return {}
    return ALWAYS.get(definition.rpartition(".")[2], {})
