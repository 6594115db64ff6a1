"""Every kubectl verb that compiles to steps, with its flags: the one table behind parsing, help and docs/kubectl.md."""

from __future__ import annotations

from collections.abc import Mapping

from stratus.cluster.kubectl import create_workloads as workloads
from stratus.cluster.kubectl import flags as f
from stratus.cluster.kubectl import metadata, nodes, patching, rollout, scaling, services, setting
from stratus.cluster.kubectl.applying import apply
from stratus.cluster.kubectl.deleting import delete
from stratus.cluster.kubectl.draining import drain
from stratus.cluster.kubectl.environment import env
from stratus.cluster.kubectl.parser import Flag
from stratus.cluster.kubectl.verb import Verb
from stratus.cluster.kubectl.verbs_create import CREATE

_TARGETS = "(TYPE NAME… | TYPE/NAME… | -f FILE)"
_SELECTABLE = (*f.FILES, *f.SELECTOR, *f.ALL)
_METADATA = (*_SELECTABLE, *f.FIELD_SELECTOR, *f.ALL_NAMESPACES, *f.RESOURCE_VERSION)
_OVERWRITE = (Flag("overwrite", "truth"), Flag("list", "truth"))
_OVERRIDES = (Flag("overrides"), Flag("override-type"))
_FORCED = "delete it with one command and create it with the next: each can be undone by itself"
_FORCE_REFUSED = (Flag("force", "truth", refused=_FORCED), f.ignored("cascade", "optional"), f.ignored("grace-period"))
_WAITING = (f.ignored("timeout"), f.ignored("wait", "truth"))
_WITH_RM = "it only goes with --rm"
_CONTAINER = (Flag("containers", short="c"),)


_RUN = Verb(
    "run",
    "NAME --image=IMAGE [-- ARGS…]",
    "create Pod; with --expose also create Service",
    workloads.run,
    (
        Flag("image"),
        Flag("env", "array"),
        Flag("port"),
        Flag("labels", short="l"),
        Flag("annotations", "array"),
        Flag("command", "truth"),
        Flag("restart"),
        Flag("image-pull-policy"),
        Flag("privileged", "truth"),
        Flag("expose", "truth"),
        *_OVERRIDES,
        *f.SAVE_CONFIG,
        *(Flag(name, "truth", refused=f.ATTACHED) for name in ("attach", "rm", "leave-stdin-open")),
        Flag("stdin", "truth", short="i", refused=f.ATTACHED),
        Flag("tty", "truth", short="t", refused=f.ATTACHED),
        *(Flag(name, refused=_WITH_RM) for name in ("cascade", "grace-period")),
        *(Flag(name, short=short, refused=_WITH_RM) for name, short in (("filename", "f"), ("kustomize", "k"))),
        Flag("recursive", "truth", short="R", refused=_WITH_RM),
        Flag("force", "truth", refused=_WITH_RM),
        f.ignored("quiet", "truth", short="q"),
        f.ignored("pod-running-timeout"),
        *_WAITING,
    ),
)

_CHANGE = (
    Verb(
        "apply",
        "-f FILE",
        "create, or a three-way patch against the last-applied annotation; --server-side: apply; unchanged objects: none",
        apply,
        (
            *f.FILES,
            *f.SELECTOR,
            Flag("server-side", "truth"),
            Flag("force-conflicts", "truth"),
            Flag("field-manager"),
            Flag("overwrite", "truth", refused="what the manifest says always wins"),
            Flag("prune", "truth", refused="name what is to go: kubectl delete"),
            Flag("prune-allowlist", "array", refused="name what is to go: kubectl delete"),
            Flag("all", "truth", refused="it only goes with --prune"),
            Flag("subresource", refused="use kubectl patch --subresource"),
            f.ignored("openapi-patch", "truth"),
            *_FORCE_REFUSED,
            *_WAITING,
        ),
    ),
    Verb(
        "patch",
        f"{_TARGETS} -p PATCH",
        "the patch as given: strategic, merge or json; of the subresource scale: scale",
        patching.patch,
        (
            *f.FILES,
            Flag("patch", short="p"),
            Flag("patch-file"),
            Flag("type"),
            Flag("subresource"),
        ),
    ),
    Verb(
        "replace",
        "-f FILE",
        "one replace per object of the manifest",
        patching.replace,
        (
            *f.FILES,
            *f.SAVE_CONFIG,
            Flag("subresource", refused="use kubectl patch --subresource"),
            *_FORCE_REFUSED,
            *_WAITING,
        ),
    ),
    Verb(
        "delete",
        f"{_TARGETS}",
        "one delete per object, with --cascade and the grace period",
        delete,
        (
            *_SELECTABLE,
            *f.FIELD_SELECTOR,
            *f.ALL_NAMESPACES,
            *f.DELETION,
            Flag("now", "truth"),
            Flag("ignore-not-found", "truth"),
            Flag("interactive", "truth", short="i", refused="STRATUS asks by its own rules"),
        ),
    ),
    Verb(
        "scale",
        f"{_TARGETS} --replicas=COUNT",
        "scale, through the scale subresource",
        scaling.scale,
        (
            *_SELECTABLE,
            Flag("replicas", "number"),
            Flag("current-replicas", "number"),
            *f.RESOURCE_VERSION,
            f.ignored("timeout"),
        ),
    ),
    Verb(
        "autoscale",
        f"{_TARGETS} --max=MAXPODS",
        "create HorizontalPodAutoscaler (autoscaling/v2, or v1 where v2 is not served)",
        scaling.autoscale,
        (
            *f.FILES,
            Flag("min", "number"),
            Flag("max", "number"),
            Flag("cpu-percent", "number"),
            Flag("name"),
            *f.SAVE_CONFIG,
        ),
    ),
    Verb(
        "expose",
        _TARGETS,
        "create Service with the ports and selector of the object",
        services.expose,
        (
            *f.FILES,
            Flag("labels", short="l"),
            *(
                Flag(name)
                for name in (
                    "port protocol target-port name type selector cluster-ip external-ip load-balancer-ip session-affinity"
                ).split()
            ),
            *_OVERRIDES,
            *f.SAVE_CONFIG,
        ),
    ),
    Verb(
        "label",
        f"{_TARGETS} KEY=VALUE… KEY-…",
        "merge patch of the labels named",
        metadata.label,
        (*_METADATA, *_OVERWRITE),
    ),
    Verb(
        "annotate",
        f"{_TARGETS} KEY=VALUE… KEY-…",
        "merge patch of the annotations named",
        metadata.annotate,
        (*_METADATA, *_OVERWRITE),
    ),
)

_SET = (
    Verb("set image", f"{_TARGETS} CONTAINER=IMAGE…", "strategic patch of the images", setting.image, _SELECTABLE),
    Verb(
        "set env",
        f"{_TARGETS} KEY=VALUE… KEY-…",
        "strategic patch of the variables; a variable that a container has twice: json patch",
        env,
        (
            *_SELECTABLE,
            *_CONTAINER,
            *_OVERWRITE,
            Flag("env", "array", short="e"),
            Flag("from"),
            Flag("keys", "words"),
            Flag("prefix"),
            Flag("resolve", "truth"),
        ),
    ),
    Verb(
        "set resources",
        f"{_TARGETS} --limits=… --requests=…",
        "strategic patch of limits and requests",
        setting.resources,
        (*_SELECTABLE, *_CONTAINER, Flag("limits"), Flag("requests")),
    ),
    Verb(
        "set selector",
        f"{_TARGETS} KEY=VALUE,…",
        "strategic patch that makes this the whole selector of a Service",
        setting.selector,
        (*f.FILES, *f.ALL, *f.RESOURCE_VERSION),
    ),
    Verb(
        "set serviceaccount",
        f"{_TARGETS} SERVICE_ACCOUNT",
        "strategic patch of the pod template",
        setting.service_account,
        (*f.FILES, *f.ALL),
        ("set sa",),
    ),
    Verb(
        "set subject",
        f"{_TARGETS} --user=…",
        "strategic patch that adds subjects to a role binding",
        setting.subject,
        (*_SELECTABLE, *f.SUBJECTS),
    ),
)

_ROLLOUT_FLAGS = (*f.FILES, *f.SELECTOR)
_ROLLOUT = (
    Verb(
        "rollout restart",
        _TARGETS,
        "strategic patch of the template's restartedAt annotation",
        rollout.restart,
        _ROLLOUT_FLAGS,
    ),
    Verb(
        "rollout undo",
        _TARGETS,
        "strategic patch to the template (and annotations) of an earlier revision",
        rollout.undo,
        (*_ROLLOUT_FLAGS, Flag("to-revision", "number")),
    ),
    Verb("rollout pause", _TARGETS, "strategic patch of spec.paused", rollout.pause, _ROLLOUT_FLAGS),
    Verb("rollout resume", _TARGETS, "strategic patch of spec.paused", rollout.resume, _ROLLOUT_FLAGS),
)

_NODES = (
    Verb("cordon", "NODE…", "strategic patch of spec.unschedulable", nodes.cordon, f.SELECTOR),
    Verb("uncordon", "NODE…", "strategic patch of spec.unschedulable", nodes.uncordon, f.SELECTOR),
    Verb(
        "taint",
        "nodes NODE… KEY=VALUE:EFFECT… KEY:EFFECT-…",
        "strategic patch of spec.taints",
        nodes.taint,
        (*f.SELECTOR, *f.ALL, Flag("overwrite", "truth")),
    ),
    Verb(
        "drain",
        "NODE…",
        "the patch of cordon, then one evict per pod (delete with --disable-eviction)",
        drain,
        (
            *f.SELECTOR,
            Flag("pod-selector"),
            Flag("ignore-daemonsets", "truth"),
            Flag("delete-emptydir-data", "truth"),
            Flag("disable-eviction", "truth"),
            Flag("force", "truth"),
            Flag("grace-period", "number"),
            f.ignored("chunk-size"),
            f.ignored("skip-wait-for-delete-timeout"),
            f.ignored("timeout"),
        ),
    ),
)

VERBS: tuple[Verb, ...] = (*CREATE, _RUN, *_CHANGE, *_SET, *_ROLLOUT, *_NODES)

BY_NAME: Mapping[str, Verb] = {name: verb for verb in VERBS for name in (verb.name, *verb.aliases)}
"""By name and by alias."""
