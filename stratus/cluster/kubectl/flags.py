"""The flags that several verbs share, and the global ones."""

from __future__ import annotations

from stratus.cluster.kubectl.parser import Flag

_ELSEWHERE = "the cluster and the identity are the engine's own; another one would escape its lease and its undo"
_SIGNED = "STRATUS signs its writes with its own manager name, so that undo can tell them from others"
_KUSTOMIZE = "render it first: kubectl kustomize DIR | stratus do -- kubectl apply -f -"
_PICKED = "name the objects, or use -l"


def ignored(name: str, kind: str = "text", short: str = "", bare: str = "") -> Flag:
    """A flag that is accepted and changes nothing here."""
    return Flag(name, kind, short, bare, ignored=True)  # type: ignore[arg-type]


GLOBAL: tuple[Flag, ...] = (
    Flag("namespace", short="n"),
    *(
        Flag(name, refused=_ELSEWHERE)
        for name in (
            "as as-uid as-user-extra certificate-authority client-certificate client-key cluster context kubeconfig "
            "password tls-server-name token user username"
        ).split()
    ),
    Flag("as-group", "array", refused=_ELSEWHERE),
    Flag("server", short="s", refused=_ELSEWHERE),
    Flag("insecure-skip-tls-verify", "truth", refused=_ELSEWHERE),
    ignored("v", short="v"),
    *(ignored(name) for name in "cache-dir log-flush-frequency profile profile-output request-timeout vmodule".split()),
    *(ignored(name, "truth") for name in "disable-compression match-server-version warnings-as-errors".split()),
)

COMMON: tuple[Flag, ...] = (
    Flag("dry-run", "optional", bare="unchanged"),
    ignored("output", short="o"),
    ignored("template"),
    ignored("allow-missing-template-keys", "truth"),
    ignored("show-managed-fields", "truth"),
    ignored("validate", "optional", bare="strict"),
    Flag("field-manager", refused=f"{_SIGNED}; apply --server-side takes it"),
    Flag("local", "truth", refused="with it nothing on the cluster changes; use kubectl itself"),
    Flag("record", "truth", refused='write the cause yourself: kubectl annotate … kubernetes.io/change-cause="…"'),
    Flag("help", "truth", short="h", refused="see docs/kubectl.md, or ask kubectl itself"),
    Flag("raw", refused="a raw request is not a typed step, so it has no undo"),
)

SAVE_CONFIG: tuple[Flag, ...] = (Flag("save-config", "truth"),)

FILES: tuple[Flag, ...] = (
    Flag("filename", "words", short="f"),
    Flag("recursive", "truth", short="R", refused="give each directory its own -f"),
    Flag("kustomize", short="k", refused=_KUSTOMIZE),
)
"""Manifests, or the objects that manifests name."""

SELECTOR: tuple[Flag, ...] = (Flag("selector", short="l"),)

ALL: tuple[Flag, ...] = (Flag("all", "truth"),)

NO_ALL_NAMESPACES: tuple[Flag, ...] = (
    Flag("all-namespaces", "truth", short="A", refused=f"this verb writes in one namespace at a time; {_PICKED}"),
)

ALL_NAMESPACES: tuple[Flag, ...] = (Flag("all-namespaces", "truth", short="A"),)

FIELD_SELECTOR: tuple[Flag, ...] = (Flag("field-selector"),)

RESOURCE_VERSION: tuple[Flag, ...] = (Flag("resource-version"),)

DELETION: tuple[Flag, ...] = (
    Flag("cascade", "optional", bare="background"),
    Flag("grace-period", "number"),
    Flag("force", "truth"),
    ignored("timeout"),
    ignored("wait", "truth"),
)

SUBJECTS: tuple[Flag, ...] = (Flag("user", "words"), Flag("group", "words"), Flag("serviceaccount", "words"))

ATTACHED = "a terminal session is no step and has no undo"
"""Why flags that open one are refused."""
