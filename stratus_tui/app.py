"""The terminal app: wiring only. The feed folds the log, the screens show it, the desk sends what a person decides."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from functools import partial
from typing import ClassVar, Protocol

from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.command import Provider
from textual.screen import Screen
from textual.widgets import Input

from stratus.domain import commands as c
from stratus.domain.errors import InvalidInput
from stratus.domain.policy import Mode
from stratus.domain.transactions import card_digest
from stratus_tui.bindings import APP_KEYS, live_keys
from stratus_tui.desk import Desk, Post
from stratus_tui.feed import Feed
from stratus_tui.grammar import Look, parse
from stratus_tui.messages import Refreshed
from stratus_tui.offers import possible, risky
from stratus_tui.palette import OfferProvider
from stratus_tui.render.evidence import Aspect, Selection
from stratus_tui.render.lines import clean
from stratus_tui.screens import questions
from stratus_tui.screens.board import BoardScreen
from stratus_tui.screens.dialog import Question
from stratus_tui.screens.help import HelpScreen
from stratus_tui.screens.page import PageScreen
from stratus_tui.source import LogSource
from stratus_tui.terminal import set_title
from stratus_tui.view import View, undoable
from stratus_tui.widgets.decision import DecisionBar
from stratus_tui.widgets.prompt import Prompt, PromptMode

TICK_SECONDS = 0.5
"""How often countdowns and clocks move when no event comes."""


class Engine(Protocol):
    """An engine that this terminal started as a child process."""

    def failure(self) -> str:
        """Why it ended, when it ended; "" while it runs."""
        ...

    def stop(self) -> None:
        """Ask it to stop safely, and wait: the current step finishes or is undone first."""
        ...


class StratusApp(App[int]):
    """Tails ``source``, posts to ``inbox``. With ``engine``, leaving stops that engine, safely and after a question."""

    TITLE = "STRATUS"
    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar[set[type[Provider]]] = App.COMMANDS | {OfferProvider}  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = APP_KEYS

    def __init__(
        self,
        source: LogSource,
        inbox: Post | None,
        *,
        engine: Engine | None = None,
        read_only: bool = False,
        actor: str = "",
    ) -> None:
        super().__init__()
        self.source = source
        self.engine = engine
        self.read_only = read_only or inbox is None
        self.desk = Desk(inbox, actor or f"human:{getpass.getuser()}", source.now)
        self.feed = Feed(source, lambda: self.post_message(Refreshed()))
        self.selected = ""
        self.view = self._look()
        self._window = ""
        self._leaving = False

    def on_mount(self) -> None:
        """Open the board and begin to tail."""
        self.push_screen(BoardScreen())
        self.run_worker(self.feed.run, name="feed", thread=True, exclusive=True, group="feed")
        self.set_interval(TICK_SECONDS, self.refresh_view)

    def on_unmount(self) -> None:
        """End the thread with the app."""
        self.feed.stop()

    # --- seeing -------------------------------------------------------------------------------------------------------

    def _look(self) -> View:
        seen = self.feed.seen
        failure = self.engine.failure() if self.engine is not None else ""
        return View(
            seen.board, self.source.now(), seen.heartbeat, self.source.replay, self.read_only,
            seen.problem or failure, seen.broken, self.selected, self.desk.current(),
        )  # fmt: skip

    @on(Refreshed)
    def refresh_view(self) -> None:
        """Fold what is new into every screen on the stack."""
        answers = self.desk.settle(self.feed.seen.board)
        self.view = self._look()
        for screen in self.screen_stack:
            if isinstance(screen, BoardScreen | PageScreen | Question | HelpScreen) and screen.is_mounted:
                screen.show(self.view)
        self._announce()
        for question in (answer for answer in answers if answer.verb == "ask"):
            self._turn_to(Selection("answer", question.command), "describe")

    def _announce(self) -> None:
        """Bell and title when a decision window opens."""
        waiting = self.view.waiting
        window = f"{waiting.id} {card_digest(waiting)}" if waiting is not None else ""
        if window == self._window:
            return
        self._window = window
        self.title = clean(f"◷ {waiting.id} {waiting.proposal.title}") if waiting is not None else self.TITLE
        set_title(self, self.title)
        if waiting is not None and self.view.can_decide:
            self.bell()

    @on(BoardScreen.TransactionChosen)
    def _choose(self, message: BoardScreen.TransactionChosen) -> None:
        self.selected = message.tx
        self.refresh_view()

    @on(BoardScreen.PageOpened)
    def _open(self, message: BoardScreen.PageOpened) -> None:
        self._turn_to(Selection.of(message.key), "describe")

    # --- deciding -----------------------------------------------------------------------------------------------------

    def _send(self, command: c.Command, about: str, key: str = "") -> None:
        self.desk.sending(about)
        self.refresh_view()
        self.run_worker(partial(self.desk.post, command, about, key), thread=True, group="desk")

    def _impossible(self, why: str) -> None:
        self.desk.say("this is a replay: nothing to decide" if self.source.replay else why, "warn")
        self.refresh_view()

    def action_veto(self) -> None:
        """One key, no question."""
        tx = self.view.board.open_tx
        if tx is None or not possible("veto", self.view):
            self._impossible("looking on only: no veto from here" if self.read_only else "nothing to veto; u undoes")
            return
        self._send(c.Veto(tx=tx.id), f"veto of {tx.id}", f"veto/{tx.id}")

    def action_hold(self) -> None:
        """One key, no question."""
        tx = self.view.waiting
        if tx is None or not possible("hold", self.view):
            self._impossible("no window to hold")
            return
        self._send(c.Hold(tx=tx.id), f"hold of {tx.id}", f"hold/{self._window}")

    def action_pause(self) -> None:
        """Pause everything, or resume."""
        if not possible("pause", self.view):
            self._impossible("looking on only")
        elif self.view.paused:
            self._send(c.Resume(), "resume")
        else:
            self._send(c.Pause(), "pause of everything")

    def action_mode(self, mode: str) -> None:
        """From the palette."""
        self._send(c.SetMode(mode=Mode(mode)), f"mode {mode}")

    def action_approve_focus(self) -> None:
        """The first of the two keys."""
        board = self.screen
        if isinstance(board, BoardScreen) and possible("approve", self.view):
            board.focus_approve()

    def action_approve(self) -> None:
        """From the palette: what is on the card now."""
        tx = self.view.waiting
        if tx is not None:
            self._approve(tx.id, card_digest(tx))

    @on(DecisionBar.Approved)
    def _approved(self, message: DecisionBar.Approved) -> None:
        self._approve(message.tx, message.digest)

    @work
    async def _approve(self, tx_id: str, digest: str) -> None:
        """The digest is of what was on the screen when the key was pressed; a second question for risky tiers."""
        tx = self.view.waiting
        if tx is None or tx.id != tx_id or not possible("approve", self.view):
            self._impossible(f"{tx_id} no longer waits")
            return
        if risky(tx) and not await self.push_screen_wait(questions.approve_risky(tx)):
            return
        tx = self.view.board.transactions[tx_id]
        if self.view.waiting is None or card_digest(tx) != digest:
            self._impossible(f"{tx_id} changed while you looked: read the card again")
            return
        self._send(c.Approve(tx=tx_id, digest=digest), f"approval of {tx_id}", f"approve/{tx_id}/{digest}")

    @work
    async def action_undo(self, tx_id: str = "") -> None:
        """Asks first: it writes."""
        tx = self.view.board.transactions.get(tx_id) or undoable(self.view)
        if tx is None or not self.view.can_decide:
            self._impossible("no committed transaction to undo")
            return
        if await self.push_screen_wait(questions.undo(tx)):
            self._send(c.Undo(tx=tx.id), f"undo of {tx.id}")

    # --- looking ------------------------------------------------------------------------------------------------------

    def action_page(self, aspect: Aspect) -> None:
        """Describe, logs or YAML of the selection."""
        screen = self.screen
        if isinstance(screen, PageScreen):
            screen.turn(aspect)
        elif isinstance(screen, BoardScreen) and (selection := screen.selection()) is not None:
            self._turn_to(selection, aspect)

    def _turn_to(self, selection: Selection, aspect: Aspect) -> None:
        self.push_screen(PageScreen(selection, aspect, self.source.fetch))

    def action_help(self) -> None:
        """From the bindings that are live here."""
        self.push_screen(HelpScreen(live_keys(self.screen, self.view)))

    def action_prompt(self, mode: PromptMode) -> None:
        """The ``:`` line, or the ``/`` line."""
        for prompt in self.screen.query(Prompt):
            prompt.ask(mode)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a line of text ``:`` and ``/`` are text."""
        return action != "prompt" or not isinstance(self.focused, Input)

    @on(Prompt.Entered)
    def _entered(self, message: Prompt.Entered) -> None:
        try:
            asked = parse(message.text, self.view)
        except InvalidInput as error:
            self._impossible(str(error))
            return
        match asked:
            case Look():
                self._look_at(asked)
            case _ if not self.view.can_decide:
                self._impossible("looking on only")
            case c.Approve():
                self.action_approve()
            case c.Undo():
                self.action_undo(asked.tx)
            case _:
                self._send(asked, message.text)

    def _look_at(self, look: Look) -> None:
        match look.what:
            case "tx":
                self.selected = look.name
                self.refresh_view()
            case "page":
                self.action_page(look.aspect)
            case "help":
                self.action_help()
            case "quit":
                self.action_leave()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What always is possible."""
        yield SystemCommand("View: Help", "the keys that work now", self.action_help)
        yield SystemCommand("View: Theme", "choose the colours", self.action_change_theme)
        yield SystemCommand("View: Screenshot", "save a picture of this screen", self.deliver_screenshot)
        yield SystemCommand("Quit", "leave the terminal app", self.action_leave)

    # --- leaving ------------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="leave")
    async def action_leave(self) -> None:
        """Leaving a running engine's journal is harmless; an engine of ours is asked about and stopped safely."""
        if self.engine is None or self.engine.failure():
            self.exit(0)
            return
        if self._leaving or not await self.push_screen_wait(questions.stop_engine()):
            return
        self._leaving = True
        self.desk.say("stopping safely: the current step finishes or is undone…", "warn")
        self.refresh_view()
        await self.run_worker(self.engine.stop, thread=True, group="engine").wait()
        self.exit(0)
