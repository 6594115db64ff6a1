"""HTTP from where STRATUS runs: Prometheus, Alertmanager and the URLs that users feel."""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from stratus.domain.errors import Unobservable

BODY_KEPT = 2_000


@dataclass(frozen=True)
class Heard:
    """One answer, or why there was none."""

    status: int = 0
    seconds: float = 0.0
    body: str = ""
    error: str = ""
    unsent: bool = False
    """The request never left: the name does not resolve here, or the URL cannot be used."""


async def get_json(url: str, timeout: float, params: dict[str, str] | None = None) -> Any:
    """The JSON body of a 2xx answer. Raises Unobservable for anything else, naming the URL without its credentials."""
    import aiohttp

    where = shown(url)
    try:
        async with _session(url, timeout) as session, session.get(url, params=params) as reply:
            if reply.status // 100 != 2:
                raise Unobservable(f"{where} answered {reply.status}: {(await reply.text())[:200]}")
            return await reply.json(content_type=None)
    except TimeoutError as error:
        raise Unobservable(f"{where}: no answer within {timeout:g} s") from error
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise Unobservable(f"{where}: {error}") from error


async def request(url: str, timeout: float) -> Heard:
    """GET a URL as a user would. Never raises for what the network does."""
    import aiohttp

    start = time.monotonic()
    try:
        async with _session(url, timeout) as session, session.get(url) as reply:
            body = await reply.content.read(BODY_KEPT)
            await reply.read()
            return Heard(reply.status, time.monotonic() - start, body.decode(errors="replace"))
    except TimeoutError:
        return Heard(seconds=time.monotonic() - start, error=f"no answer within {timeout:g} s")
    except aiohttp.ClientConnectorError as error:
        return Heard(error=str(error), unsent=isinstance(error.os_error, socket.gaierror))
    except aiohttp.InvalidURL as error:
        return Heard(error=f"not a usable URL: {error}", unsent=True)
    except (aiohttp.ClientError, ValueError, OSError) as error:
        return Heard(seconds=time.monotonic() - start, error=str(error) or type(error).__name__)


def shown(url: str) -> str:
    """A URL for people: without user, password and query, which may hold secrets."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, where no proxy may stand between."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _session(url: str, timeout: float) -> Any:
    """One session per request: nothing is left open when the engine stops, and each probe is a fresh connection."""
    import aiohttp

    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout), trust_env=not is_loopback(url))
