"""The create verbs."""

from __future__ import annotations

from stratus.cluster.kubectl import create_config as config
from stratus.cluster.kubectl import create_workloads as workloads
from stratus.cluster.kubectl import flags as f
from stratus.cluster.kubectl import rbac, services
from stratus.cluster.kubectl.creating import create
from stratus.cluster.kubectl.ingress import ingress
from stratus.cluster.kubectl.invocation import Handler
from stratus.cluster.kubectl.parser import Flag
from stratus.cluster.kubectl.verb import Verb

_LITERALS = (Flag("from-literal", "array"), Flag("from-file", "words"), Flag("from-env-file", "words"))
_HASH = (Flag("append-hash", "truth"),)
_RULES = (Flag("verb", "words"), Flag("resource", "words"), Flag("resource-name", "words"))
_IMAGE = (Flag("image"),)


def _create(kind: str, steps: str, handler: Handler, flags: tuple[Flag, ...] = (), arguments: str = "NAME") -> Verb:
    aliases = tuple(f"create {alias}" for alias in _ALIASES.get(kind, ()))
    return Verb(f"create {kind}", arguments, steps, handler, (*flags, *f.SAVE_CONFIG), aliases)


_ALIASES = {
    "configmap": ("cm",),
    "deployment": ("deploy",),
    "cronjob": ("cj",),
    "namespace": ("ns",),
    "quota": ("resourcequota",),
    "priorityclass": ("pc",),
    "poddisruptionbudget": ("pdb",),
    "ingress": ("ing",),
    "serviceaccount": ("sa",),
    **{f"service {kind}": (f"svc {kind}",) for kind in ("clusterip", "nodeport", "loadbalancer", "externalname")},
}

CREATE: tuple[Verb, ...] = (
    Verb(
        "create",
        "-f FILE",
        "one create per object of the manifest; a generateName is replaced by a name chosen before",
        create,
        (
            *f.FILES,
            *f.SELECTOR,
            *f.SAVE_CONFIG,
            Flag("edit", "truth", refused=f.ATTACHED),
            f.ignored("windows-line-endings", "truth"),
        ),
    ),
    _create("configmap", "create ConfigMap", config.config_map, (*_LITERALS, *_HASH)),
    _create("secret generic", "create Secret", config.secret_generic, (*_LITERALS, *_HASH, Flag("type"))),
    _create("secret tls", "create Secret", config.secret_tls, (Flag("cert"), Flag("key"), *_HASH)),
    _create(
        "secret docker-registry",
        "create Secret",
        config.secret_docker_registry,
        (
            *(Flag(f"docker-{part}") for part in ("server", "username", "password", "email")),
            Flag("from-file", "words"),
            *_HASH,
        ),
    ),
    _create(
        "deployment",
        "create Deployment",
        workloads.deployment,
        (Flag("image", "words"), Flag("port", "number"), Flag("replicas", "number", short="r")),
        "NAME [-- COMMAND…]",
    ),
    _create(
        "job",
        "create Job; --from copies a CronJob's template",
        workloads.job,
        (*_IMAGE, Flag("from")),
        "NAME [-- COMMAND…]",
    ),
    _create(
        "cronjob",
        "create CronJob (batch/v1, or v1beta1 where only that is served)",
        workloads.cron_job,
        (*_IMAGE, Flag("schedule"), Flag("restart")),
        "NAME [-- COMMAND…]",
    ),
    _create("service clusterip", "create Service", services.cluster_ip, (Flag("tcp", "words"), Flag("clusterip"))),
    _create(
        "service nodeport", "create Service", services.node_port, (Flag("tcp", "words"), Flag("node-port", "number"))
    ),
    _create("service loadbalancer", "create Service", services.load_balancer, (Flag("tcp", "words"),)),
    _create(
        "service externalname",
        "create Service",
        services.external_name,
        (Flag("external-name"), Flag("tcp", "words")),
    ),
    _create("namespace", "create Namespace", config.namespace),
    _create("quota", "create ResourceQuota", config.quota, (Flag("hard"), Flag("scopes"))),
    _create(
        "priorityclass",
        "create PriorityClass",
        config.priority_class,
        (Flag("value", "number"), Flag("global-default", "truth"), Flag("description"), Flag("preemption-policy")),
    ),
    _create(
        "poddisruptionbudget",
        "create PodDisruptionBudget (policy/v1, or v1beta1 where only that is served)",
        config.disruption_budget,
        (Flag("selector"), Flag("min-available"), Flag("max-unavailable")),
    ),
    _create(
        "ingress",
        "create Ingress",
        ingress,
        (Flag("rule", "array"), Flag("class"), Flag("default-backend"), Flag("annotation", "array")),
    ),
    _create("role", "create Role", rbac.role, _RULES),
    _create(
        "clusterrole",
        "create ClusterRole",
        rbac.cluster_role,
        (*_RULES, Flag("non-resource-url", "words"), Flag("aggregation-rule")),
    ),
    _create("rolebinding", "create RoleBinding", rbac.role_binding, (*f.SUBJECTS, Flag("role"), Flag("clusterrole"))),
    _create(
        "clusterrolebinding", "create ClusterRoleBinding", rbac.cluster_role_binding, (*f.SUBJECTS, Flag("clusterrole"))
    ),
    _create("serviceaccount", "create ServiceAccount", config.service_account),
)
