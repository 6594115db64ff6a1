"""Where the cluster is and who we are there: kubeconfig, context, or the pod's own service account.

The official client reads the files and refreshes the credentials; its errors are turned into what the user can do.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stratus.cluster.transport import CONNECTIONS, Access, ApiTransport, Endpoint
from stratus.domain.errors import InvalidInput

if TYPE_CHECKING:
    from kubernetes.client.configuration import Configuration


def connect(kubeconfig: str | None = None, context: str | None = None) -> ApiTransport:
    """A transport to the cluster of ``kubeconfig`` and ``context``, looked up as kubectl does.

    Without ``kubeconfig``: $KUBECONFIG, ~/.kube/config, then the pod's service account. Raises InvalidInput.
    """
    from kubernetes.client.configuration import Configuration
    from kubernetes.client.rest import RESTClientObject

    configuration = Configuration()
    configuration.connection_pool_maxsize = CONNECTIONS
    path = kubeconfig or os.environ.get("KUBECONFIG") or ""
    default = Path.home() / ".kube" / "config"
    if not path and not default.exists() and os.environ.get("KUBERNETES_SERVICE_HOST"):
        endpoint = _in_cluster(configuration, context)
    else:
        endpoint = _from_files(configuration, path or str(default), context, explicit=bool(kubeconfig))
    return ApiTransport(Access(endpoint, configuration, RESTClientObject(configuration).pool_manager))


def _in_cluster(configuration: Configuration, context: str | None) -> Endpoint:
    from kubernetes.config import incluster_config
    from kubernetes.config.config_exception import ConfigException

    client: Any = incluster_config  # the client ships no annotations for its loaders
    if context:
        raise InvalidInput(f'There is no kubeconfig, so no context "{context}": give one with --kubeconfig.')
    try:
        client.load_incluster_config(configuration)
    except ConfigException as error:
        raise InvalidInput(f"This pod's service account is not usable ({error}): mount its token.") from error
    own = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return Endpoint(configuration.host, "in-cluster", own.read_text().strip() if own.exists() else "")


def _from_files(configuration: Configuration, path: str, context: str | None, *, explicit: bool) -> Endpoint:
    from kubernetes.config import kube_config
    from kubernetes.config.config_exception import ConfigException
    from yaml import YAMLError

    client: Any = kube_config
    missing = [name for name in path.split(os.pathsep) if name and not Path(name).expanduser().is_file()]
    if len(missing) == len([name for name in path.split(os.pathsep) if name]):
        where = "--kubeconfig" if explicit else "--kubeconfig or KUBECONFIG"
        raise InvalidInput(f"There is no kubeconfig at {path}: name one with {where}.")
    try:
        merged = client.KubeConfigMerger(path)
        if merged.config is None:
            raise InvalidInput(f"The kubeconfig {path} is empty.")
        _check_context(merged.config, path, context)
        loader = client.KubeConfigLoader(
            config_dict=merged.config, active_context=context, config_base_path=None, config_persister=None
        )
        loader.load_and_set(configuration)
    except (ConfigException, YAMLError, OSError, UnicodeDecodeError, TypeError, AttributeError, KeyError) as error:
        raise InvalidInput(f"The kubeconfig {path} is not usable: {error}") from error
    active = loader.current_context
    return Endpoint(configuration.host, str(active["name"]), str(active["context"].get("namespace") or ""))


def _check_context(config: Any, path: str, context: str | None) -> None:
    known = sorted(str(entry["name"]) for entry in (config.safe_get("contexts") or []))
    wanted = context or config.safe_get("current-context")
    if not wanted:
        raise InvalidInput(f"The kubeconfig {path} names no current context: choose one with --context ({known}).")
    if wanted not in known:
        raise InvalidInput(f'The kubeconfig {path} has no context "{wanted}"; it has: {", ".join(known) or "none"}.')
