"""The common shape of every value in the domain: frozen, closed, and validated where it enters."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

JsonObject = dict[str, Any]
"""A Kubernetes object or a part of one, raw as the API server sent it."""


class Value(BaseModel):
    """An immutable value. Unknown fields are refused, so a typo in a log or a configuration is an error and not a silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")
