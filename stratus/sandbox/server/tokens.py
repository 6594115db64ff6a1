"""Tokens of service accounts: JSON web tokens, signed with a key that this cluster alone has."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from stratus.sandbox.kernel import Kernel
from stratus.sandbox.server.http import dumps

ISSUER = "https://kubernetes.default.svc"
ACCOUNT = "system:serviceaccount:"


class Tokens:
    """Issues and checks them."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._key = kernel.rng.getrandbits(256).to_bytes(32, "big")

    def issue(self, namespace: str, name: str, seconds: float) -> tuple[str, float]:
        """(token, when it expires)."""
        now = self._kernel.now()
        claims: dict[str, Any] = {"iss": ISSUER, "aud": [ISSUER], "sub": f"{ACCOUNT}{namespace}:{name}"}
        claims |= {"iat": int(now), "nbf": int(now), "exp": int(now + seconds)}
        signed = f"{_encoded(dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{_encoded(dumps(claims))}"
        return f"{signed}.{self._signature(signed)}", now + seconds

    def account(self, token: str) -> tuple[str, str] | None:
        """(namespace, name) of a token's service account; None for what this cluster did not issue, or what expired."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return None
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        namespace, _, name = str(claims["sub"]).removeprefix(ACCOUNT).partition(":")
        return (namespace, name) if claims["exp"] >= self._kernel.now() else None

    def _signature(self, signed: str) -> str:
        return _encoded(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
