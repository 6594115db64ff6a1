"""The kinds that are served, their names and their subresources; and the registry to which CRDs add more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from stratus.sandbox.store import Resource

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind in one served version.

    `store` is the resource under which its objects are stored; it differs from `resource` only where two groups show
    the same objects. `stored_as` is the apiVersion of the stored form.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    store: Resource = ""
    stored_as: str = ""
    custom: bool = False
    definition: str = field(default="", compare=False)

    @property
    def resource(self) -> Resource:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        return f"{self.kind}List"

    @property
    def qualified(self) -> str:
        """The kind as error messages name it: `Deployment.apps`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def converted(self) -> bool:
        """Whether the served form differs from the stored one by more than its apiVersion."""
        return not self.custom and self.stored_as != self.api_version


# group/version | plural | kind | n(amespaced) or c(luster) | short names | categories | subresources | stored as
_TABLE = """
v1 bindings Binding n - - - create
v1 componentstatuses ComponentStatus c cs - - get,list
v1 configmaps ConfigMap n cm - -
v1 endpoints Endpoints n ep - -
v1 events Event n ev - -
v1 limitranges LimitRange n limits - -
v1 namespaces Namespace c ns - status,finalize create,delete,get,list,patch,update,watch
v1 nodes Node c no - status,proxy
v1 persistentvolumeclaims PersistentVolumeClaim n pvc - status
v1 persistentvolumes PersistentVolume c pv - status
v1 pods Pod n po all status,log,exec,attach,portforward,proxy,eviction,binding,ephemeralcontainers
v1 podtemplates PodTemplate n - - -
v1 replicationcontrollers ReplicationController n rc all status,scale
v1 resourcequotas ResourceQuota n quota - status
v1 secrets Secret n - - -
v1 serviceaccounts ServiceAccount n sa - token
v1 services Service n svc all status,proxy create,delete,get,list,patch,update,watch
apps/v1 controllerrevisions ControllerRevision n - - -
apps/v1 daemonsets DaemonSet n ds all status
apps/v1 deployments Deployment n deploy all status,scale
apps/v1 replicasets ReplicaSet n rs all status,scale
apps/v1 statefulsets StatefulSet n sts all status,scale
batch/v1 cronjobs CronJob n cj all status
batch/v1 jobs Job n - all status
autoscaling/v2 horizontalpodautoscalers HorizontalPodAutoscaler n hpa all status
autoscaling/v1 horizontalpodautoscalers HorizontalPodAutoscaler n hpa all status
networking.k8s.io/v1 ingressclasses IngressClass c - - -
networking.k8s.io/v1 ingresses Ingress n ing - status
networking.k8s.io/v1 networkpolicies NetworkPolicy n netpol - -
policy/v1 poddisruptionbudgets PodDisruptionBudget n pdb - status
discovery.k8s.io/v1 endpointslices EndpointSlice n - - -
events.k8s.io/v1 events Event n ev - -
coordination.k8s.io/v1 leases Lease n - - -
node.k8s.io/v1 runtimeclasses RuntimeClass c - - -
scheduling.k8s.io/v1 priorityclasses PriorityClass c pc - -
storage.k8s.io/v1 csidrivers CSIDriver c - - -
storage.k8s.io/v1 csinodes CSINode c - - -
storage.k8s.io/v1 storageclasses StorageClass c sc - -
storage.k8s.io/v1 volumeattachments VolumeAttachment c - - status
rbac.authorization.k8s.io/v1 clusterrolebindings ClusterRoleBinding c - - -
rbac.authorization.k8s.io/v1 clusterroles ClusterRole c - - -
rbac.authorization.k8s.io/v1 rolebindings RoleBinding n - - -
rbac.authorization.k8s.io/v1 roles Role n - - -
admissionregistration.k8s.io/v1 mutatingwebhookconfigurations MutatingWebhookConfiguration c - api-extensions -
admissionregistration.k8s.io/v1 validatingwebhookconfigurations ValidatingWebhookConfiguration c - api-extensions -
apiextensions.k8s.io/v1 customresourcedefinitions CustomResourceDefinition c crd,crds api-extensions status
apiregistration.k8s.io/v1 apiservices APIService c - api-extensions status
authentication.k8s.io/v1 tokenreviews TokenReview c - - - create
authentication.k8s.io/v1 selfsubjectreviews SelfSubjectReview c - - - create
authorization.k8s.io/v1 localsubjectaccessreviews LocalSubjectAccessReview n - - - create
authorization.k8s.io/v1 selfsubjectaccessreviews SelfSubjectAccessReview c - - - create
authorization.k8s.io/v1 selfsubjectrulesreviews SelfSubjectRulesReview c - - - create
authorization.k8s.io/v1 subjectaccessreviews SubjectAccessReview c - - - create
metrics.k8s.io/v1beta1 nodes NodeMetrics c - - - get,list
metrics.k8s.io/v1beta1 pods PodMetrics n - - - get,list
"""

# The same objects under a second name: served resource -> (stored resource, its apiVersion).
_VIEWS = {
    ("autoscaling/v1", "horizontalpodautoscalers"): ("horizontalpodautoscalers.autoscaling", "autoscaling/v2"),
    ("events.k8s.io/v1", "events"): ("events", "v1"),
}

_PACKAGES = {
    "": "io.k8s.api.core",
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
}


def _split(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split(","))


def _parse(line: str) -> Kind:
    api_version, plural, kind, scope, short, categories, subresources, *verbs = line.split()
    group, _, version = api_version.rpartition("/")
    package = _PACKAGES.get(group) or f"io.k8s.api.{group.split('.')[0]}"
    own = f"{plural}.{group}" if group else plural
    store, stored_as = _VIEWS.get((api_version, plural), (own, api_version))
    return Kind(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        namespaced=scope == "n",
        singular=kind.lower(),
        short_names=_split(short),
        categories=_split(categories),
        subresources=_split(subresources),
        verbs=_split(verbs[0]) if verbs else ALL_VERBS,
        store=store,
        stored_as=stored_as,
        definition=f"{package}.{version}.{kind}",
    )


class Registry:
    """All served kinds; custom resource definitions add and remove theirs."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str], Kind] = {}
        self._stored: dict[Resource, Kind] = {}
        self._by_kind: dict[tuple[str, str], Kind] = {}
        self.generation = 0
        for line in _TABLE.strip().splitlines():
            self.add(_parse(line))

    def add(self, kind: Kind) -> None:
        """Serve `kind`; replaces the same group, version and plural."""
        self._kinds[kind.group, kind.version, kind.plural] = kind
        self._by_kind[kind.api_version, kind.kind] = kind
        if kind.api_version == kind.stored_as and kind.resource == kind.store:
            self._stored[kind.store] = kind
        self.generation += 1

    def remove(self, resource: Resource) -> None:
        """Stop serving all versions of a custom resource."""
        for key, kind in list(self._kinds.items()):
            if kind.resource == resource:
                del self._kinds[key]
                self._by_kind.pop((kind.api_version, kind.kind), None)
        self._stored.pop(resource, None)
        self.generation += 1

    def served(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind at /apis/{group}/{version}/…/{plural}, or None."""
        return self._kinds.get((group, version, plural))

    def stored(self, resource: Resource) -> Kind:
        """The kind in its stored version; raises KeyError for an unknown resource."""
        return self._stored[resource]

    def by_kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind that an object with this apiVersion and kind is, or None."""
        return self._by_kind.get((api_version, kind))

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())
