"""The table is complete: documented, and it knows every flag and verb that kubectl has."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from stratus.cluster.kubectl.compiler import known_flags
from stratus.cluster.kubectl.reference import document
from stratus.cluster.kubectl.refusals import READING, REFUSED
from stratus.cluster.kubectl.verb import Verb
from stratus.cluster.kubectl.verbs import BY_NAME, VERBS

PAGE = Path(__file__).parents[2] / "docs" / "kubectl.md"


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text() == document(), "python -m stratus.cluster.kubectl.reference > docs/kubectl.md"


def test_no_name_is_used_twice() -> None:
    names = [name for verb in VERBS for name in (verb.name, *verb.aliases)]
    assert len(names) == len(set(names) | set(READING) | set(REFUSED)) - len(READING) - len(REFUSED)


def _help(words: str) -> str:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    return subprocess.run(["kubectl", *words.split(), "--help"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_flag_of_kubectl_is_known(verb: Verb) -> None:
    text = _help(verb.name)
    theirs = re.findall(r"^ {4}(?:-(\w), )?--([a-z-]+)=", text, flags=re.MULTILINE)
    ours = {flag.name: flag for flag in known_flags(verb)}
    assert theirs
    assert [name for _, name in theirs if name not in ours] == []
    assert [(name, short) for short, name in theirs if ours[name].short != short] == []


def test_every_verb_of_kubectl_is_known() -> None:
    theirs = re.findall(r"^  ([a-z][a-z-]+) {2,}", _help(""), flags=re.MULTILINE)
    ours = {name.split()[0] for name in (*BY_NAME, *READING, *REFUSED)}
    assert len(theirs) > 30
    assert set(theirs) - ours == set()
