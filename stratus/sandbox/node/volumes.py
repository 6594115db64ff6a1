"""Volumes as far as processes see them: the files that ConfigMaps, Secrets and the downward API put into a container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stratus.sandbox.node.environment import Resolver, contents, field
from stratus.sandbox.objects import Object, namespace_of, spec_of, status_of
from stratus.sandbox.store import Store

MISSING_KEY = {
    "configmaps": "configmap references non-existent config key",
    "secrets": "references non-existent secret key",
}


class MountError(Exception):
    """A volume cannot be set up; the text is that of the FailedMount event."""

    def __init__(self, volume: str, message: str) -> None:
        super().__init__(f'MountVolume.SetUp failed for volume "{volume}" : {message}')
        self.volume = volume


class LiveFiles(Mapping[str, str]):
    """A container's mounted files; `replace` brings them up to date while processes keep their reference."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def replace(self, files: dict[str, str]) -> None:
        self._files = files

    def __getitem__(self, path: str) -> str:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


class Mounter:
    """Reads a pod's volumes from the cluster's objects."""

    def __init__(self, store: Store, resolver: Resolver) -> None:
        self._store = store
        self._resolver = resolver

    def volumes(self, pod: Object) -> dict[str, dict[str, str]]:
        """Files of each volume by relative path. Raises MountError for the first that cannot be set up."""
        return {volume["name"]: self._volume(pod, volume) for volume in spec_of(pod).get("volumes") or ()}

    def references(self, pod: Object) -> set[tuple[str, str]]:
        """(resource, name) of the ConfigMaps and Secrets in the pod's volumes."""
        found = set()
        for volume in spec_of(pod).get("volumes") or ():
            for source in [volume, *((volume.get("projected") or {}).get("sources") or ())]:
                if "configMap" in source:
                    found.add(("configmaps", source["configMap"].get("name", "")))
                if "secret" in source:
                    found.add(("secrets", source["secret"].get("secretName") or source["secret"].get("name", "")))
        return found

    def _volume(self, pod: Object, volume: Object) -> dict[str, str]:
        if "projected" in volume:
            files: dict[str, str] = {}
            for source in volume["projected"].get("sources") or ():
                files.update(self._source(pod, volume["name"], source))
            return files
        if "persistentVolumeClaim" in volume:
            self._claim(pod, volume["name"], volume["persistentVolumeClaim"]["claimName"])
            return {}
        return self._source(pod, volume["name"], volume)

    def _source(self, pod: Object, name: str, source: Object) -> dict[str, str]:
        if "configMap" in source:
            return self._keys(pod, name, "configmaps", source["configMap"], source["configMap"].get("name", ""))
        if "secret" in source:
            secret = source["secret"]
            return self._keys(pod, name, "secrets", secret, secret.get("secretName") or secret.get("name", ""))
        if "downwardAPI" in source:
            return self._downward(pod, source["downwardAPI"])
        if "serviceAccountToken" in source:
            return {
                source["serviceAccountToken"]["path"]: f"token of {spec_of(pod).get('serviceAccountName', 'default')}"
            }
        return {}

    def _keys(self, pod: Object, volume: str, resource: str, source: Object, name: str) -> dict[str, str]:
        found, optional = self._store.get(resource, namespace_of(pod), name), bool(source.get("optional"))
        if found is None:
            if optional:
                return {}
            raise MountError(volume, f'{resource[:-1]} "{name}" not found')
        data, items = contents(resource, found), source.get("items")
        if not items:
            return data
        missing = [item["key"] for item in items if item["key"] not in data]
        if missing and not optional:
            kind = (
                "configmap references non-existent config key"
                if resource == "configmaps"
                else "references non-existent secret key"
            )
            raise MountError(volume, f"{kind}: {missing[0]}")
        return {item["path"]: data[item["key"]] for item in items if item["key"] in data}

    def _downward(self, pod: Object, source: Object) -> dict[str, str]:
        files = {}
        for item in source.get("items") or ():
            if "fieldRef" in item:
                files[item["path"]] = field(pod, item["fieldRef"]["fieldPath"])
            else:
                container = spec_of(pod)["containers"][0]
                files[item["path"]] = self._resolver.resource(pod, container, item["resourceFieldRef"])
        return files

    def _claim(self, pod: Object, volume: str, name: str) -> None:
        claim = self._store.get("persistentvolumeclaims", namespace_of(pod), name)
        if claim is None:
            raise MountError(volume, f'persistentvolumeclaim "{name}" not found')
        if status_of(claim).get("phase") != "Bound":
            raise MountError(volume, f"PVC {namespace_of(pod)}/{name} is not bound")


def container_files(
    container: Object, volumes: Mapping[str, dict[str, str]], kept: Mapping[str, str]
) -> dict[str, str]:
    """Absolute path to text; subPath mounts stay as in `kept`, the files that the container started with."""
    files: dict[str, str] = {}
    for mount in container.get("volumeMounts") or ():
        source, base = volumes.get(mount["name"], {}), mount["mountPath"].rstrip("/")
        sub = mount.get("subPath")
        if not sub:
            files.update({f"{base}/{path}": text for path, text in source.items()})
        elif base in kept:
            files[base] = kept[base]
        elif sub in source:
            files[base] = source[sub]
        else:
            head = sub.rstrip("/") + "/"
            files.update(
                {f"{base}/{path.removeprefix(head)}": t for path, t in source.items() if path.startswith(head)}
            )
    return files
