"""The server as clients meet it: authentication, RBAC, discovery, tables, OpenAPI, monitoring, controls, TLS, exec."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from asyncio import to_thread
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from stratus.sandbox.api.options import User
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.serve import administrator, make_credentials, serving
from stratus.sandbox.server.http import Response

Object = dict[str, Any]
HOTEL = "/api/v1/namespaces/hotel"


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    found = EmbeddedCluster(virtual=True, tokens={"admin-token": User()})
    found.start()
    found.settle()
    yield found


def ask(
    cluster: EmbeddedCluster, method: str, path: str, body: Any = None, query: str = "", token: str = "admin-token",
    **headers: str,
) -> Response:  # fmt: skip
    sent = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    sent |= {key.replace("_", "-"): value for key, value in headers.items()}
    return cluster.request(method, path, query, b"" if body is None else json.dumps(body).encode(), sent)


def read(response: Response) -> Any:
    return json.loads(response.body)


def test_a_wrong_token_is_unauthorized_but_health_needs_none(cluster: EmbeddedCluster) -> None:
    assert ask(cluster, "GET", "/api/v1/nodes", token="wrong").status == 401
    assert read(ask(cluster, "GET", "/api/v1/nodes", token="wrong"))["reason"] == "Unauthorized"
    assert cluster.request("GET", "/readyz").status == 200


def test_a_service_account_may_do_what_its_roles_say(cluster: EmbeddedCluster) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/hotel"
    ask(cluster, "POST", f"{HOTEL}/serviceaccounts", {"metadata": {"name": "robot"}})
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    ask(cluster, "POST", f"{rbac}/roles", {"metadata": {"name": "reader"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": "hotel"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    ask(cluster, "POST", f"{rbac}/rolebindings", {"metadata": {"name": "b"}, "roleRef": role, "subjects": [subject]})
    token = read(ask(cluster, "POST", f"{HOTEL}/serviceaccounts/robot/token", {"spec": {}}))["status"]["token"]
    assert ask(cluster, "GET", f"{HOTEL}/pods", token=token).status == 200
    refused = ask(cluster, "DELETE", f"{HOTEL}/pods/x", token=token)
    assert refused.status == 403
    assert 'User "system:serviceaccount:hotel:robot" cannot delete resource "pods"' in read(refused)["message"]
    assert ask(cluster, "GET", "/api/v1/nodes", token=token).status == 403


def test_access_reviews_answer_by_the_same_roles(cluster: EmbeddedCluster) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    spec = {"resourceAttributes": {"verb": "delete", "resource": "pods", "namespace": "hotel"}}
    assert read(ask(cluster, "POST", path, {"spec": spec}))["status"] == {"allowed": True}
    other = ask(cluster, "POST", path, {"spec": spec}, impersonate_user="somebody")
    assert read(other)["status"] == {"allowed": False}


def test_discovery_agrees_in_both_forms(cluster: EmbeddedCluster) -> None:
    plain = read(ask(cluster, "GET", "/apis/apps/v1"))
    aggregated = read(
        ask(cluster, "GET", "/apis", accept="application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
    )
    group = next(each for each in aggregated["items"] if each["metadata"]["name"] == "apps")
    names = {each["name"] for each in plain["resources"] if "/" not in each["name"]}
    assert {each["resource"] for each in group["versions"][0]["resources"]} == names
    assert "deployments/scale" in {each["name"] for each in plain["resources"]}


def test_tables_show_what_kubectl_prints(cluster: EmbeddedCluster) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    table = read(ask(cluster, "GET", "/apis/apps/v1/namespaces/hotel/deployments", accept=accept))
    columns = [each["name"] for each in table["columnDefinitions"] if each["priority"] == 0]
    assert columns == ["Name", "Ready", "Up-to-date", "Available", "Age"]
    rows = {row["cells"][0]: row["cells"] for row in table["rows"]}
    assert rows["frontend"][1:4] == ["2/2", 2, 2]
    pods = read(ask(cluster, "GET", f"{HOTEL}/pods", accept=accept))
    assert {row["cells"][2] for row in pods["rows"]} == {"Running"}


def test_every_kind_has_an_openapi_schema(cluster: EmbeddedCluster) -> None:
    index = read(ask(cluster, "GET", "/openapi/v3"))["paths"]
    document = read(ask(cluster, "GET", index["apis/apps/v1"]["serverRelativeURL"].partition("?")[0]))
    schemas = document["components"]["schemas"]
    assert "replicas" in schemas["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]
    references = set(part.partition('"')[0] for part in json.dumps(schemas).split('"$ref": "#/components/schemas/')[1:])
    assert references <= set(schemas)
    swagger = read(ask(cluster, "GET", "/openapi/v2"))
    assert "io.k8s.api.core.v1.Pod" in swagger["definitions"]


def test_the_service_proxy_reaches_the_application(cluster: EmbeddedCluster) -> None:
    assert ask(cluster, "GET", f"{HOTEL}/services/frontend:8080/proxy/request").status == 200
    absent = ask(cluster, "GET", f"{HOTEL}/services/absent:80/proxy/")
    assert (absent.status, read(absent)["reason"]) == (404, "NotFound")


def test_monitoring_and_faults_are_served_beside_the_api(cluster: EmbeddedCluster) -> None:
    cluster.advance(30)
    answer = cluster.request("GET", "/prometheus/api/v1/query", "query=up")
    assert read(answer)["status"] == "success"
    faults = read(ask(cluster, "GET", "/sandbox/faults"))
    assert len({each["id"] for each in faults}) == len(faults) > 0
    assert ask(cluster, "POST", "/sandbox/faults/no-such-fault/inject").status == 404


def test_whoever_serves_the_cluster_is_asked_to_end_it() -> None:
    found, asked = EmbeddedCluster(applications=()), list[str]()
    assert read(ask(found, "POST", "/sandbox/stop")) == {"stopping": True}
    found.on_stop = lambda: asked.append("stop")
    assert ask(found, "GET", "/sandbox/stop").status == 404
    ask(found, "POST", "/sandbox/stop")
    assert asked == ["stop"]


def test_unknown_paths_answer_as_the_api_server_does(cluster: EmbeddedCluster) -> None:
    assert ask(cluster, "GET", "/apis/nope/v1/things").body == b"404 page not found\n"
    assert read(ask(cluster, "GET", "/api/v1/things"))["reason"] == "NotFound"


def test_unknown_fields_are_pruned_warned_of_or_refused(cluster: EmbeddedCluster) -> None:
    obj = {"metadata": {"name": "strict"}, "data": {"a": "b"}, "extra": 1}
    path = f"{HOTEL}/configmaps"
    refused = ask(cluster, "POST", path, obj, "fieldValidation=Strict")
    assert (refused.status, 'unknown field "extra"' in read(refused)["message"]) == (400, True)
    warned = ask(cluster, "POST", path, obj, "fieldValidation=Warn&dryRun=All")
    assert ("Warning", '299 - "unknown field \\"extra\\""') in warned.headers
    quiet = ask(cluster, "POST", path, obj, "fieldValidation=Ignore&dryRun=All")
    assert not [key for key, _ in quiet.headers if key == "Warning"]
    assert "extra" not in read(quiet)


def test_duplicate_fields_are_refused_when_strict(cluster: EmbeddedCluster) -> None:
    body = b'{"metadata":{"name":"twice"},"data":{"a":"1"},"data":{"a":"2"}}'
    headers = {"authorization": "Bearer admin-token", "content-type": "application/json"}
    refused = cluster.request("POST", f"{HOTEL}/configmaps", "fieldValidation=Strict", body, headers)
    assert 'duplicate field "data"' in read(refused)["message"]
    kept = cluster.request("POST", f"{HOTEL}/configmaps", "dryRun=All", body, headers)
    assert read(kept)["data"] == {"a": "2"}


def _get(url: str, token: str, context: ssl.SSLContext) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, context=context, timeout=30) as response:
        return json.loads(response.read())


async def test_a_served_cluster_speaks_tls_and_knows_its_token() -> None:
    credentials = make_credentials()
    found = EmbeddedCluster(applications=(), tokens=administrator(credentials))
    async with serving(found, credentials=credentials) as access:
        context = ssl.create_default_context(cadata=access.ca)
        nodes = await to_thread(_get, f"{access.url}/api/v1/nodes", access.token, context)
        assert [each["metadata"]["name"] for each in nodes["items"]] == ["node-1", "node-2"]
        with pytest.raises(urllib.error.HTTPError) as refused:
            await to_thread(_get, f"{access.url}/api/v1/nodes", "wrong", context)
        refused.value.close()
        assert refused.value.code == 401
        config = json.loads(access.kubeconfig("hotel"))
        assert config["users"][0]["user"] == {"token": access.token}
        assert config["contexts"][0]["context"]["namespace"] == "hotel"


async def test_a_command_runs_over_a_websocket() -> None:
    found = EmbeddedCluster(applications=())
    spec = {"containers": [{"name": "c", "image": "localhost:5000/pause:3.2"}]}
    async with serving(found) as access:
        found.api.create("pods", "default", {"metadata": {"name": "p"}, "spec": spec})
        running = found.store.get("pods", "default", "p")
        while (running or {}).get("status", {}).get("phase") != "Running":
            await to_thread(lambda: None)
            running = found.store.get("pods", "default", "p")
        path = access.url.replace("http", "ws") + "/api/v1/namespaces/default/pods/p/exec?stdout=1&command="
        said = [await over_websocket(path + rest, stdin) for rest, stdin in COMMANDS]
    assert [(out, status.get("status"), status.get("reason")) for out, status in said] == [
        ("hi\n", "Success", None), ("a\nb\n", "Success", None), ("", "Failure", "NonZeroExitCode"),
        ("", "Failure", "InternalError"),
    ]  # fmt: skip
    assert 'exec: "nope": executable file not found in $PATH' in said[-1][1]["message"]


COMMANDS = [("echo&command=hi", b""), ("cat&stdin=1", b"a\nb\n"), ("false", b""), ("nope", b"")]


async def over_websocket(url: str, stdin: bytes) -> tuple[str, Object]:
    """What a command said, and how it ended."""
    async with connect(url, subprotocols=["v5.channel.k8s.io"]) as socket:  # type: ignore[list-item]
        if stdin:
            await socket.send(b"\x00" + stdin)
            await socket.send(b"\xff\x00")
        frames = [bytes(frame) async for frame in socket]  # type: ignore[arg-type]
    return b"".join(f[1:] for f in frames if f[0] == 1).decode(), json.loads(frames[-1][1:])


def test_what_streams_is_refused_with_a_reason_where_it_cannot_stream(cluster: EmbeddedCluster) -> None:
    pod = read(ask(cluster, "GET", f"{HOTEL}/pods"))["items"][0]["metadata"]["name"]
    wrong = ask(cluster, "POST", f"{HOTEL}/pods/{pod}/exec", query="container=nope&command=true")
    assert (wrong.status, read(wrong)["message"]) == (400, f"container nope is not valid for pod {pod}")
    assert "websockets" in read(ask(cluster, "POST", f"{HOTEL}/pods/{pod}/exec", query="command=true"))["message"]
    assert "not served" in read(ask(cluster, "POST", f"{HOTEL}/pods/{pod}/portforward"))["message"]
    assert ask(cluster, "POST", f"{HOTEL}/pods/nobody/exec").status == 404


def test_events_are_printed_as_kubectl_shows_them(cluster: EmbeddedCluster) -> None:
    table = read(ask(cluster, "GET", f"{HOTEL}/events", accept="application/json;as=Table;v=v1;g=meta.k8s.io"))
    shown = [each["name"] for each in table["columnDefinitions"] if each["priority"] == 0]
    assert shown == ["Last Seen", "Type", "Reason", "Object", "Message"]
    assert table["columnDefinitions"][-1]["name"] == "Name"
    assert all(len(row["cells"]) == len(table["columnDefinitions"]) for row in table["rows"])


def test_everybody_may_ask_what_they_may(cluster: EmbeddedCluster) -> None:
    ask(cluster, "POST", f"{HOTEL}/serviceaccounts", {"metadata": {"name": "nobody"}})
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    who = {"impersonate_user": "system:serviceaccount:hotel:nobody"}
    status = read(ask(cluster, "POST", path, {"spec": {"namespace": "hotel"}}, **who))["status"]
    assert [rule["verbs"] for rule in status["resourceRules"]] == [["create"]]
    assert {"/version", "/apis/*"} <= {url for rule in status["nonResourceRules"] for url in rule["nonResourceURLs"]}
    assert ask(cluster, "GET", f"{HOTEL}/pods", **who).status == 403


def test_an_impersonated_service_account_is_in_its_groups(cluster: EmbeddedCluster) -> None:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    answer = read(ask(cluster, "POST", path, {}, impersonate_user="system:serviceaccount:hotel:robot"))
    assert "system:serviceaccounts:hotel" in answer["status"]["userInfo"]["groups"]


def test_a_token_is_a_web_token_that_only_this_cluster_issues(cluster: EmbeddedCluster) -> None:
    ask(cluster, "POST", f"{HOTEL}/serviceaccounts", {"metadata": {"name": "signed"}})
    path = f"{HOTEL}/serviceaccounts/signed/token"
    token = read(ask(cluster, "POST", path, {"spec": {"expirationSeconds": 600}}))["status"]["token"]
    header, claims, signature = token.split(".")
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"] == "system:serviceaccount:hotel:signed"
    reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    assert ask(cluster, "POST", reviews, {}, token=token).status == 201
    forged = base64.urlsafe_b64encode(b'{"sub":"system:serviceaccount:hotel:signed","exp":99999999999}').decode()
    for wrong in (f"{header}.{forged.rstrip('=')}.{signature}", token[:-2], "a.b.c", "nonsense"):
        assert ask(cluster, "POST", reviews, {}, token=wrong).status == 401
    cluster.advance(601)
    assert ask(cluster, "POST", reviews, {}, token=token).status == 401
