"""What an answer of the API server means: which error, so that callers know what must happen next."""

from __future__ import annotations

import json
import re
from typing import Any

from stratus.cluster.transport import Answer
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Conflict, OutcomeUnknown, Refused, Retryable, StratusError, Unobservable

BEFORE_STORAGE = ("failed calling webhook", "failed calling admission webhook")
"""500s that admission raises: the request was never handed to the storage, so nothing can have landed."""


def decoded(answer: Answer) -> JsonObject:
    """The JSON object in the body. Raises Unobservable when there is none."""
    try:
        value: Any = json.loads(answer.body)
    except ValueError as error:
        raise Unobservable(f"the API server answered {answer.status} without JSON: {answer.body[:80]!r}") from error
    if not isinstance(value, dict):
        raise Unobservable(f"the API server answered {answer.status} with a {type(value).__name__}, not an object")
    return value


def checked(answer: Answer, what: str, *, writes: bool) -> JsonObject:
    """The object of a successful answer; otherwise raises what `failure` says. A write's garbled success is unknown."""
    if not 200 <= answer.status < 300:
        raise failure(answer, what, writes=writes)
    try:
        return decoded(answer)
    except Unobservable as error:
        if writes:
            raise OutcomeUnknown(f"{what}: {error}") from error
        raise


def failure(answer: Answer, what: str, *, writes: bool) -> StratusError:
    """The error for an answer outside 2xx.

    A 5xx to a write may come after the storage took it (an etcd time-out is a 500), so it is unknown unless the server
    asks to try again (Retry-After) or says that admission stopped it.
    """
    status = _status(answer)
    reason, message = str(status.get("reason") or ""), _brief(str(status.get("message") or "")) or _text(answer)
    text = f"{what}: {message}"
    if answer.status == 404:
        return Absent(text, status=404, reason=reason)
    if answer.status == 409:
        return Conflict(text, status=409, reason=reason)
    if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
        return Retryable(text, _delay(answer, status))
    if answer.status >= 500 and writes and not any(words in message for words in BEFORE_STORAGE):
        return OutcomeUnknown(f"{text} ({answer.status})")
    if answer.status >= 500:
        return Retryable(text, _delay(answer, status))
    return Refused(text, status=answer.status, reason=reason)


LONGEST_QUOTE = 300
"""Characters of a value that the server quotes and a person may want to read."""
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CONTEXT = re.compile(r",? ?error found in #.*", re.DOTALL)


def _brief(message: str) -> str:
    """Without the whole object that a server quotes when it cannot decode what a patch makes of it."""
    brief = _QUOTED.sub(lambda quoted: quoted[0] if len(quoted[0]) <= LONGEST_QUOTE else '"…"', message)
    return _CONTEXT.sub("", brief) if brief != message else message


def without_values(error: StratusError) -> StratusError:
    """The error without what the server quotes: to a Secret that it cannot decode it answers with all of the Secret."""
    if not (isinstance(error, Refused) and (isinstance(error, Absent | Conflict) or error.status == 403)):
        error.args = (_QUOTED.sub('"…"', _CONTEXT.sub("", str(error))),)
    return error


def _status(answer: Answer) -> JsonObject:
    try:
        value = json.loads(answer.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) and value.get("kind") == "Status" else {}


def _text(answer: Answer) -> str:
    return answer.body[:200].decode(errors="replace").strip() or f"HTTP {answer.status}"


def _delay(answer: Answer, status: JsonObject) -> float:
    """Seconds until the next try: the header's, the Status' own, or one."""
    asked = answer.headers.get("retry-after") or (status.get("details") or {}).get("retryAfterSeconds")
    try:
        return max(float(asked), 0.1) if asked is not None else 1.0
    except ValueError:
        return 1.0
