"""Nothing that a cluster, a log or a model says can leave its line, its width or its role."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from stratus_tui.render.lines import Span, clean, fit, join, line, pad, spread, text_of, width_of, wrap

ANYTHING = st.text(st.characters(), max_size=60)


@given(ANYTHING)
def test_cleaned_text_is_printable_and_on_one_line(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert not any(
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Me", "Mn", "Zl", "Zp") for character in cleaned
    )
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("a\r\nb\tc", "a␍↵b c"),
        ("safe\u202etxt.exe", "safe\ufffdtxt.exe"),
        ("zero\u200bwidth", "zero\ufffdwidth"),
        ("Z\u0351algo", "Z\ufffdalgo"),
        ("\u0915\u0941", "\u0915\ufffd"),  # a mark whose combining class is 0
        ("[bold]markup[/]", "[bold]markup[/]"),
        ("ホテル 🚨", "ホテル 🚨"),
    ],
)
def test_what_a_terminal_would_obey_is_made_visible(text: str, shown: str) -> None:
    assert Span(text).text == shown


@given(ANYTHING, st.integers(0, 80))
def test_fit_never_exceeds_its_width(text: str, width: int) -> None:
    fitted = fit(line("head ", Span(text, "bad"), " tail"), width)
    assert width_of(fitted) <= width
    if width_of(line("head ", text, " tail")) > width > 0:
        assert text_of(fitted).endswith("…")


@given(ANYTHING, ANYTHING, st.integers(20, 80))
def test_spread_fills_its_width_and_keeps_the_right_end(left: str, right: str, width: int) -> None:
    end = fit(line(right), 15)
    spanned = spread(line(left), end, width)
    assert width_of(spanned) == width
    assert text_of(spanned).endswith(text_of(end))


@given(ANYTHING, st.integers(2, 40), st.integers(1, 5))
def test_wrap_keeps_width_and_limit(text: str, width: int, limit: int) -> None:
    wrapped = wrap(text, width, limit)
    assert 1 <= len(wrapped) <= limit
    assert all(cell_len(each) <= width for each in wrapped)


@given(st.lists(st.text("abcdef", min_size=1, max_size=9), min_size=1, max_size=20), st.integers(9, 40))
def test_wrap_loses_no_word(words: list[str], width: int) -> None:
    assert " ".join(wrap(" ".join(words), width)).split() == words


@given(ANYTHING, st.integers(1, 40))
def test_pad_is_exact(text: str, width: int) -> None:
    assert cell_len(pad(text, width)) == width


def test_join_leaves_out_what_is_empty() -> None:
    assert text_of(join([line("a"), (), line("b")], Span(" │ "))) == "a │ b"
