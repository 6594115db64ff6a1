"""What identifies things: Kubernetes objects, subjects of findings, clusters."""

from __future__ import annotations

from pydantic import Field

from stratus.domain.base import JsonObject, Value


class ObjectRef(Value):
    """One Kubernetes object by API version, kind, namespace ("" when cluster-scoped) and name."""

    api_version: str
    kind: str
    namespace: str = ""
    name: str

    @property
    def group(self) -> str:
        """The API group; "" for the core group."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        """As kubectl writes it: ``deployment/geo``."""
        return f"{self.kind.lower()}/{self.name}"

    @property
    def path(self) -> str:
        """Unambiguous within a cluster: ``hotel/deployment/geo``, ``node/node-1``."""
        return f"{self.namespace}/{self}" if self.namespace else str(self)

    @classmethod
    def of(cls, obj: JsonObject) -> ObjectRef:
        """The reference to a raw object. Raises KeyError when it has no apiVersion, kind or name."""
        meta = obj["metadata"]
        return cls(
            api_version=obj["apiVersion"], kind=obj["kind"], namespace=meta.get("namespace") or "", name=meta["name"]
        )


class Subject(Value):
    """What can be healthy or not: a workload (the top owner), a Service, a probe, a node; never a pod."""

    kind: str
    namespace: str = ""
    name: str

    def __str__(self) -> str:
        """``deployment/geo``."""
        return f"{self.kind.lower()}/{self.name}"

    @property
    def path(self) -> str:
        """``hotel/deployment/geo``."""
        return f"{self.namespace}/{self}" if self.namespace else str(self)


class ClusterIdentity(Value):
    """Which cluster this is: a transaction is never undone on another one."""

    uid: str = Field(description="uid of the kube-system namespace")
    server: str = ""
    context: str = ""
    version: str = ""
