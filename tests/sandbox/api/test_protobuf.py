"""Protobuf bodies: a small encoder writes what kubectl sends, and the server reads it."""

from __future__ import annotations

import pytest

from stratus.sandbox.api import ApiError
from stratus.sandbox.server import protobuf


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def body(api_version: str, kind: str, message: bytes) -> bytes:
    return protobuf.MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, message)


def test_a_deployment_is_read() -> None:
    metadata = field(1, "web") + field(11, field(1, "app") + field(2, "web"))
    limits = field(1, field(1, "memory") + field(2, field(1, "64Mi")))
    port = field(3, 8080) + field(4, "TCP")
    container = field(1, "c") + field(2, "image:1") + field(6, port) + field(8, limits)
    template = field(2, field(2, container))
    selector = field(1, field(1, "app") + field(2, "web"))
    spec = field(1, 3) + field(2, selector) + field(3, template)
    found = protobuf.decode(body("apps/v1", "Deployment", field(1, metadata) + field(2, spec)))
    assert found["metadata"] == {"name": "web", "labels": {"app": "web"}}
    assert found["spec"]["replicas"] == 3
    assert found["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    (container_read,) = found["spec"]["template"]["spec"]["containers"]
    assert container_read["resources"] == {"limits": {"memory": "64Mi"}}
    assert container_read["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]


def test_bytes_become_base64_and_embedded_messages_are_inlined() -> None:
    secret = protobuf.decode(body("v1", "Secret", field(2, field(1, "k") + field(2, b"\x00v"))))
    assert secret["data"] == {"k": "AHY="}
    volume = field(1, "v") + field(2, field(1, b""))
    found = protobuf.decode(body("v1", "Pod", field(2, field(1, volume))))
    assert found["spec"]["volumes"][0]["name"] == "v"
    assert "volumeSource" not in found["spec"]["volumes"][0]


def test_negative_numbers_and_int_or_string_are_read() -> None:
    target = field(1, 0) + field(2, 80)
    port = field(3, 80) + field(4, target)
    service = protobuf.decode(body("v1", "Service", field(2, field(1, port))))
    assert service["spec"]["ports"][0]["targetPort"] == 80
    named = field(1, 1) + field(3, "web")
    service = protobuf.decode(body("v1", "Service", field(2, field(1, field(3, 80) + field(4, named)))))
    assert service["spec"]["ports"][0]["targetPort"] == "web"
    spec = field(1, (1 << 64) - 5)
    assert protobuf.decode(body("apps/v1", "Deployment", field(2, spec)))["spec"]["replicas"] == -5


@pytest.mark.parametrize(
    "raw",
    [b"{}", protobuf.MAGIC + b"\xff", body("apps/v1", "NoSuchKind", b""), body("v1", "Pod", b"\x0a\x7f")],
    ids=["json", "truncated", "unknown kind", "overlong field"],
)
def test_malformed_bodies_are_bad_requests(raw: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        protobuf.decode(raw)
    assert refused.value.code == 400
