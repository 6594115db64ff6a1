"""Hypothesis strategies for Kubernetes-like objects: small value sets, so that P, Q and L often agree and often clash."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from stratus.domain.base import JsonObject

SMALL = st.sampled_from(["1", "2", "3"])
NAMES = st.sampled_from(["a", "b", "c"])


def mapping(values: st.SearchStrategy[Any] = SMALL) -> st.SearchStrategy[dict[str, Any]]:
    """A small open map."""
    return st.dictionaries(NAMES, values, max_size=3)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping in which every field may be absent."""
    return st.fixed_dictionaries({}, optional=fields)


ENV = st.one_of(
    st.fixed_dictionaries({"name": NAMES, "value": SMALL}),
    st.fixed_dictionaries({"name": NAMES, "valueFrom": st.fixed_dictionaries({"secretKeyRef": mapping()})}),
)
PORT = st.fixed_dictionaries({"containerPort": st.sampled_from([80, 81]), "protocol": st.sampled_from(["TCP", "UDP"])})
PROBE = st.one_of(
    optional(httpGet=optional(path=SMALL, port=SMALL), periodSeconds=st.integers(1, 3)),
    optional(exec=st.fixed_dictionaries({"command": st.lists(SMALL, max_size=2)}), periodSeconds=st.integers(1, 3)),
)


def _container(name: str) -> st.SearchStrategy[JsonObject]:
    return st.fixed_dictionaries(
        {"name": st.just(name), "image": SMALL},
        optional={
            "env": st.lists(ENV, max_size=3),
            "args": st.lists(SMALL, max_size=2),
            "ports": st.lists(PORT, max_size=3),
            "livenessProbe": PROBE,
            "resources": optional(limits=mapping(), requests=mapping()),
        },
    )


CONTAINERS = st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.tuples(*map(_container, names)).map(list)
)
VOLUMES = st.lists(
    st.one_of(
        st.fixed_dictionaries({"name": NAMES, "emptyDir": st.just({})}),
        st.fixed_dictionaries({"name": NAMES, "configMap": st.fixed_dictionaries({"name": SMALL})}),
    ),
    max_size=2,
)
POD = st.fixed_dictionaries(
    {"containers": CONTAINERS},
    optional={
        "nodeSelector": mapping(),
        "tolerations": st.lists(st.fixed_dictionaries({"key": SMALL}), max_size=2),
        "volumes": VOLUMES,
        "securityContext": mapping(st.booleans()),
        "affinity": optional(nodeAffinity=optional(weight=st.integers(1, 2), terms=st.lists(SMALL, max_size=2))),
    },
)
SPEC = st.fixed_dictionaries(
    {"template": st.fixed_dictionaries({"metadata": optional(labels=mapping(), annotations=mapping()), "spec": POD})},
    optional={
        "replicas": st.integers(0, 3),
        "paused": st.booleans(),
        "strategy": st.one_of(
            st.just({"type": "Recreate"}),
            st.fixed_dictionaries({"type": st.just("RollingUpdate"), "rollingUpdate": mapping()}),
        ),
    },
)
_COUNTER = st.integers(1, 99).map(str)


@st.composite
def deployments(draw: st.DrawFn) -> JsonObject:
    """A Deployment with its server-owned fields filled at random."""
    meta: JsonObject = {"name": "web", "namespace": "n", "uid": "u", "resourceVersion": draw(_COUNTER)}
    meta |= draw(optional(labels=mapping(), annotations=mapping(), finalizers=st.lists(NAMES, max_size=2, unique=True)))
    if draw(st.booleans()):
        meta.setdefault("annotations", {})["deployment.kubernetes.io/revision"] = draw(_COUNTER)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": draw(SPEC),
        "status": {"replicas": draw(st.integers(0, 3))},
    }
