"""Flags over environment over file over defaults; a mode in the file is a ceiling that nothing lifts."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from stratus.cli.settings import load, seconds
from stratus.domain.errors import InvalidInput
from stratus.domain.policy import Mode, Tier


def given(**flags: object) -> Namespace:
    return Namespace(**flags)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        'mode = "veto"\nveto_window = "45s"\nprometheus = "http://file:9090"\n[namespace_modes]\nprod = "approve"\n'
    )
    return path


def test_defaults_watch_only() -> None:
    policy = load(given(), {"XDG_CONFIG_HOME": "/nonexistent"}).policy(Mode.OBSERVE)
    assert (policy.mode, policy.veto_window) == (Mode.OBSERVE, 30.0)
    assert policy.mode_for(Tier.IRREVERSIBLE, "any") is Mode.OBSERVE


def test_each_layer_wins_over_the_one_below(config: Path) -> None:
    environment = {"STRATUS_PROMETHEUS": "http://env:9090", "STRATUS_NAMESPACE": "a,b"}
    settings = load(given(config=str(config), namespaces=["c"]), environment)
    assert settings.prometheus == "http://env:9090"
    assert settings.namespaces == ("c",)
    assert settings.veto_window == 45.0
    assert load(given(config=str(config), prometheus="http://flag:9090"), environment).prometheus == "http://flag:9090"


def test_no_flag_lowers_a_policy_that_the_file_sets(config: Path) -> None:
    policy = load(given(config=str(config), mode="auto"), {}).policy(Mode.OBSERVE)
    assert policy.mode_for(Tier.WORKLOAD, "dev") is Mode.VETO
    assert policy.mode_for(Tier.WORKLOAD, "prod") is Mode.APPROVE


def test_a_flag_may_be_more_careful_than_the_file(config: Path) -> None:
    policy = load(given(config=str(config), mode="observe"), {}).policy(Mode.OBSERVE)
    assert policy.mode_for(Tier.WORKLOAD, "dev") is Mode.OBSERVE


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mode = ", "not TOML"),
        ('modes = "auto"', "unknown keys modes"),
        ('mode = "yolo"', "mode"),
        ('veto_window = "soon"', "duration"),
    ],
)
def test_a_bad_file_is_told_with_its_key(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=problem):
        load(given(config=str(path)), {})


def test_a_named_file_must_be_there() -> None:
    with pytest.raises(InvalidInput, match="cannot read the configuration"):
        load(given(config="/nonexistent/c.toml"), {})


@pytest.mark.parametrize(
    ("text", "value"), [("30", 30.0), ("30s", 30.0), ("5m", 300.0), ("1.5h", 5400.0), ("250ms", 0.25)]
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value
