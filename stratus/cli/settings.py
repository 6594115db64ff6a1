"""Settings: flags over environment over file over defaults; a mode in the file is also the ceiling for every flag."""

from __future__ import annotations

import os
import re
import tomllib
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from stratus.domain.base import Value
from stratus.domain.errors import InvalidInput
from stratus.domain.policy import Limits, Mode, Policy, Tier

SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
LISTS = ("namespaces", "probes")
ENVIRONMENT = {
    "STRATUS_KUBECONFIG": "kubeconfig",
    "STRATUS_CONTEXT": "context",
    "STRATUS_NAMESPACE": "namespaces",
    "STRATUS_JOURNAL": "journal",
    "STRATUS_PROMETHEUS": "prometheus",
    "STRATUS_ALERTMANAGER": "alertmanager",
    "STRATUS_PROBE": "probes",
    "STRATUS_MODE": "mode",
    "STRATUS_VETO_WINDOW": "veto_window",
    "STRATUS_MIND": "mind",
    "STRATUS_MODEL": "model",
}


def seconds(text: str | float) -> float:
    """``30``, ``30s``, ``5m``, ``1h`` in seconds. Raises InvalidInput."""
    if isinstance(text, int | float):
        return float(text)
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", text.strip())
    if not found:
        raise InvalidInput(f"{text!r} is not a duration: write for example 30s, 5m or 1h")
    return float(found[1]) * SECONDS[found[2] or ""]


class Settings(Value):
    """Everything that a command can be told."""

    kubeconfig: str = ""
    context: str = ""
    namespaces: tuple[str, ...] = ()
    sandbox: bool = False
    journal: str = ""
    prometheus: str = ""
    alertmanager: str = ""
    alert_wait: float = Field(
        default=120.0, ge=0, description="seconds; alert rules slower than this are not waited for"
    )
    probes: tuple[str, ...] = ()
    mode: Mode | None = None
    ceiling: Mode = Mode.AUTO
    tiers: dict[Tier, Mode] = {}
    namespace_modes: dict[str, Mode] = {}
    limits: Limits = Limits()
    weights: dict[str, float] = {}
    no_new_victims: bool = True
    veto_window: float | None = Field(default=None, ge=0, description="seconds")
    approval_timeout: float = Field(default=1800.0, gt=0, description="seconds")
    mind: Literal["playbook", "llm", "hybrid"] = "playbook"
    model: str = ""

    @field_validator("veto_window", "approval_timeout", "alert_wait", mode="before")
    @classmethod
    def _duration(cls, value: Any) -> Any:
        return seconds(value) if isinstance(value, str) else value

    def policy(self, default: Mode) -> Policy:
        """The policy, with ``default`` as the mode when nobody named one."""
        return Policy(
            mode=self.mode or min(default, self.ceiling, key=lambda mode: mode.freedom),
            ceiling=self.ceiling,
            tiers={Tier.IRREVERSIBLE: Mode.APPROVE, **self.tiers},
            namespaces=self.namespace_modes,
            veto_window=30.0 if self.veto_window is None else self.veto_window,
            approval_timeout=self.approval_timeout,
            no_new_victims=self.no_new_victims,
            limits=self.limits,
        )

    @property
    def journal_path(self) -> Path:
        """Where the journal is."""
        from stratus.journal import default_path

        return Path(self.journal).expanduser() if self.journal else default_path()


def load(arguments: Namespace, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from the parsed flags, the environment and the configuration file. Raises InvalidInput."""
    env = os.environ if environment is None else environment
    merged = {**_from_file(getattr(arguments, "config", "") or "", env), **_from_environment(env)}
    for name in Settings.model_fields:
        given = getattr(arguments, name, None)
        if given not in (None, "", [], (), False):
            merged[name] = given
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise InvalidInput(f"configuration: {problems}") from error


def config_path(env: Mapping[str, str]) -> Path:
    """``$XDG_CONFIG_HOME/stratus/config.toml``."""
    return Path(env.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "stratus" / "config.toml"


def _from_file(given: str, env: Mapping[str, str]) -> dict[str, Any]:
    path = Path(given).expanduser() if given else config_path(env)
    if not given and not path.exists():
        return {}
    try:
        loaded = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"cannot read the configuration {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"the configuration {path} is not TOML: {error}") from error
    known = set(Settings.model_fields) - {"ceiling"}
    unknown = sorted(set(loaded) - known)
    if unknown:
        raise InvalidInput(
            f"the configuration {path} has unknown keys {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
    if "mode" in loaded:
        loaded["ceiling"] = loaded["mode"]
    return loaded


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable, name in ENVIRONMENT.items():
        if env.get(variable):
            value = env[variable]
            found[name] = [each for each in value.split(",") if each] if name in LISTS else value
    return found
