"""The command line of the terminal: the same nouns and verbs as ``stratus`` in a shell."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal

from stratus.domain.commands import Approve, Ask, Command, Hold, Pause, Resume, SetMode, Undo, Veto
from stratus.domain.errors import InvalidInput
from stratus.domain.policy import Mode
from stratus_tui.render.evidence import Aspect
from stratus_tui.view import View, undoable

VERBS = (
    "veto", "hold", "approve", "undo", "pause", "resume", "mode", "ask", "show", "describe", "logs", "yaml", "help", "quit",
)  # fmt: skip
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_DECISIONS = ("veto", "hold", "approve", "undo")


@dataclass(frozen=True)
class Look:
    """Open something instead of sending a command."""

    what: Literal["tx", "help", "quit", "page"]
    name: str = ""
    aspect: Aspect = "describe"


def parse(text: str, view: View) -> Command | Look:
    """What ``text`` asks for. Raises InvalidInput with a message that names the fix."""
    words = text.split()
    if words and words[0] == "stratus":
        words = words[1:]
    if len(words) > 1 and words[0] in ("tx", "incident"):
        words = _tx_form(words[1:])
    if not words:
        raise InvalidInput(f"type one of: {', '.join(VERBS)}")
    verb, rest = words[0], words[1:]
    if verb in _DECISIONS:
        return _decision(verb, rest, view)
    match verb:
        case "pause":
            return Pause(namespace=_word(rest), seconds=_seconds(rest))
        case "resume":
            return Resume(namespace=_word(rest))
        case "mode":
            return _mode(rest)
        case "ask" if rest:
            return Ask(question=" ".join(rest))
        case "show" if rest:
            return _show(rest[0], view)
        case "describe" | "logs" | "yaml":
            return Look(
                "page", rest[0] if rest else "", "logs" if verb == "logs" else "yaml" if verb == "yaml" else "describe"
            )
        case "help":
            return Look("help")
        case "quit" | "q":
            return Look("quit")
        case "ask" | "show":
            raise InvalidInput(f"{verb} what? {'ask why is geo down' if verb == 'ask' else 'show 12.2'}")
        case _:
            raise InvalidInput(_unknown(verb))


def _tx_form(words: list[str]) -> list[str]:
    """``tx veto 12.2`` is ``veto 12.2``; ``tx 12.2`` is ``show 12.2``; diff and why are on the card."""
    if words[0] in (*_DECISIONS, "show"):
        return words
    return ["show", *words[1:]] if words[0] in ("diff", "why") else ["show", *words]


def _decision(verb: str, rest: list[str], view: View) -> Command:
    named = [word for word in rest if not _DURATION.fullmatch(word)]
    tx = _tx(named[0] if named else "", verb, view)
    match verb:
        case "veto":
            return Veto(tx=tx, reason=" ".join(named[1:]))
        case "hold":
            return Hold(tx=tx, seconds=_seconds(rest))
        case "approve":
            return Approve(tx=tx)
        case _:
            return Undo(tx=tx)


def _tx(name: str, verb: str, view: View) -> str:
    if name:
        if name not in view.board.transactions:
            near = difflib.get_close_matches(name, view.board.transactions, n=1)
            raise InvalidInput(f"no transaction {name}" + (f": did you mean {near[0]}?" if near else ""))
        return name
    found = undoable(view) if verb == "undo" else view.board.open_tx
    if found is None:
        raise InvalidInput(f"nothing to {verb} now; {verb} TX names a transaction")
    return found.id


def _show(name: str, view: View) -> Look:
    if name not in view.board.transactions:
        raise InvalidInput(f"no transaction {name}")
    return Look("tx", name)


def _mode(rest: list[str]) -> SetMode:
    modes = [mode.value for mode in Mode]
    if not rest or rest[0] not in modes:
        raise InvalidInput(f"mode is one of: {', '.join(modes)}")
    return SetMode(mode=Mode(rest[0]), namespace=_word(rest[1:]), seconds=_seconds(rest[1:]))


def _word(words: list[str]) -> str:
    """The first word that is not a length of time; ``all`` means everything."""
    named = [word for word in words if not _DURATION.fullmatch(word) and word != "all"]
    return named[0] if named else ""


def _seconds(words: list[str]) -> float | None:
    matches = [found for word in words if (found := _DURATION.fullmatch(word))]
    return float(matches[0][1]) * _UNITS[matches[0][2]] if matches else None


def _unknown(verb: str) -> str:
    if verb == "do":
        return "do runs in a shell: stratus do -- kubectl …; its transaction then shows here"
    near = difflib.get_close_matches(verb, VERBS, n=1)
    return f"no command {verb}" + (f": did you mean {near[0]}?" if near else f"; there are {', '.join(VERBS)}")
