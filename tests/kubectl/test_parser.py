"""Flags as pflag reads them, and command lines without a shell."""

from __future__ import annotations

import pytest

from stratus.cluster.kubectl import reads_stdin, split_line
from stratus.cluster.kubectl.parser import Flag, parse
from stratus.domain.errors import InvalidInput

FLAGS = (
    Flag("namespace", short="n"),
    Flag("all", "truth"),
    Flag("interactive", "truth", short="i"),
    Flag("tty", "truth", short="t"),
    Flag("replicas", "number", short="r"),
    Flag("filename", "words", short="f"),
    Flag("from-literal", "array"),
    Flag("dry-run", "optional", bare="unchanged"),
    Flag("token", refused="not yours to give"),
)


@pytest.mark.parametrize(
    "words", [["-n", "x"], ["-nx"], ["-n=x"], ["--namespace", "x"], ["--namespace=x"], ["-itn", "x"]]
)
def test_every_spelling_of_a_flag_with_a_value(words: list[str]) -> None:
    assert parse(words, FLAGS, where="get").flags.text("namespace") == "x"


def test_flags_and_arguments_may_be_mixed_until_the_two_dashes() -> None:
    parsed = parse(["a", "--all", "b", "-n", "x", "-", "--", "--all", "-n"], FLAGS, where="run")
    assert parsed.args == ("a", "b", "-")
    assert parsed.rest == ("--all", "-n")
    assert parsed.flags.truth("all") and parsed.flags.text("namespace") == "x"


def test_a_negative_number_is_a_value_and_not_a_flag() -> None:
    assert parse(["--replicas=-1"], FLAGS, where="scale").flags.number("replicas") == -1
    assert parse(["--replicas", "-1"], FLAGS, where="scale").flags.number("replicas") == -1


def test_words_split_at_commas_and_arrays_do_not() -> None:
    flags = parse(["-f", 'a,"b,c"', "-f", "d", "--from-literal=x=1,2"], FLAGS, where="create").flags
    assert flags.words("filename") == ["a", "b,c", "d"]
    assert flags.words("from-literal") == ["x=1,2"]


def test_an_optional_value_never_takes_the_next_word() -> None:
    parsed = parse(["--dry-run", "server"], FLAGS, where="scale")
    assert (parsed.flags.text("dry-run"), parsed.args) == ("unchanged", ("server",))


def test_a_truth_may_be_false() -> None:
    assert not parse(["--all=false"], FLAGS, where="delete").flags.truth("all", True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--replcas=1"], r'unknown flag --replcas for kubectl scale; did you mean "--replicas"\?'),
        (["-x"], "unknown flag -x"),
        (["--replicas"], "needs a value"),
        (["--replicas=many"], 'whole number, not "many"'),
        (["--all=perhaps"], "true or false"),
        (["--token=abc"], "not yours to give"),
    ],
)
def test_a_wrong_flag_is_an_error_that_names_the_fix(words: list[str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse(words, FLAGS, where="scale")


def test_a_line_is_split_as_a_shell_would() -> None:
    line = """kubectl patch deploy/web -p '{"a": "$HOME; `x` | y > z"}' \\\n --type "merge" a\\ b cost=5$"""
    assert split_line(line) == [
        *["kubectl", "patch", "deploy/web", "-p", '{"a": "$HOME; `x` | y > z"}', "--type", "merge", "a b", "cost=5$"]
    ]


@pytest.mark.parametrize(
    "line",
    [
        "kubectl get pods | grep web",
        "kubectl delete pod x; rm -rf /",
        "kubectl delete pod x && true",
        "kubectl apply -f - < file",
        "kubectl apply -f - <<EOF",
        "kubectl get pods > /tmp/x",
        "kubectl scale deploy x --replicas=$(cat n)",
        'kubectl label deploy x a="$HOME"',
        "kubectl label deploy x a=${B}",
        "kubectl label deploy x a=`id`",
        'kubectl label deploy x a="`id`"',
        "kubectl delete pod x\nkubectl delete pod y",
        "(kubectl delete pod x)",
        "kubectl delete pod 'x",
    ],
)
def test_what_only_a_shell_could_do_is_refused(line: str) -> None:
    with pytest.raises(InvalidInput):
        split_line(line)


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ("apply -f -", True),
        ("apply -f-", True),
        ("apply --filename=-", True),
        ("create configmap c --from-file=key=-", True),
        ("set env deploy/web -", True),
        ("set env deploy/web A- B=-", False),
        ("apply -f x.yaml", False),
    ],
)
def test_standard_input_is_read_only_when_it_is_asked_for(line: str, asks: bool) -> None:
    assert reads_stdin(line.split()) is asks
