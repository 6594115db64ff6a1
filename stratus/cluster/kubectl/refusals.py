"""The verbs that compile to nothing: those that only read, and those that no undo can take back."""

from __future__ import annotations

from collections.abc import Mapping

READING: tuple[str, ...] = (
    "get",
    "describe",
    "logs",
    "top",
    "events",
    "explain",
    "diff",
    "wait",
    "version",
    "options",
    "plugin",
    "completion",
    "kustomize",
    "config",
    "cluster-info",
    "api-resources",
    "api-versions",
    "auth can-i",
    "auth whoami",
    "rollout status",
    "rollout history",
    "apply view-last-applied",
)
"""Nothing on the cluster changes, so there is nothing to make safe."""

_SESSION = "what happens inside a container is outside Kubernetes and cannot be taken back"

REFUSED: Mapping[str, str] = {
    "exec": f"{_SESSION}; change the object that makes the container what it is, or use kubectl itself",
    "cp": f"{_SESSION}; put files into an image, a ConfigMap or a Secret",
    "attach": f"{_SESSION}; use kubectl itself",
    "debug": "an ephemeral container can never be removed from its pod; use kubectl itself",
    "port-forward": "it changes nothing on the cluster, and STRATUS opens no tunnels; use kubectl itself",
    "proxy": "it would let anybody write past the engine; use kubectl itself",
    "edit": "an editor session is not a command that can be shown before it runs; use patch, set, or apply -f",
    "apply edit-last-applied": "an editor session is not a command that can be shown; use annotate or apply -f",
    "apply set-last-applied": "apply -f writes the annotation together with the change it describes",
    "auth reconcile": "use apply -f on the roles and bindings",
    "certificate": "a signed certificate cannot be taken back; use kubectl itself",
    "create token": "a token that was handed out cannot be taken back; use kubectl itself",
    "convert": "it writes files, not objects; use kubectl itself",
}
"""Why not, and what to do instead."""
