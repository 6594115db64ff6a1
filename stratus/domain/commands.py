"""What people ask of a running engine, whatever the surface: rows of the inbox."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from stratus.domain.base import Value
from stratus.domain.policy import Mode
from stratus.domain.steps import Proposal


class Veto(Value):
    """Stop a waiting transaction, or undo it when it is already executing."""

    verb: Literal["veto"] = "veto"
    tx: str
    reason: str = ""


class Approve(Value):
    """Let a waiting transaction go ahead now. ``digest`` binds it to exactly what was shown (see ``card_digest``)."""

    verb: Literal["approve"] = "approve"
    tx: str
    digest: str = ""


class Hold(Value):
    """Stop the clock of a waiting transaction, for ``seconds`` or until decided."""

    verb: Literal["hold"] = "hold"
    tx: str
    seconds: float | None = None


class Undo(Value):
    """Undo a committed transaction."""

    verb: Literal["undo"] = "undo"
    tx: str


class Pause(Value):
    """No new step, for everything or one namespace, for ``seconds`` or until resumed."""

    verb: Literal["pause"] = "pause"
    namespace: str = ""
    seconds: float | None = None


class Resume(Value):
    """End a pause."""

    verb: Literal["resume"] = "resume"
    namespace: str = ""


class SetMode(Value):
    """Change the mode, for everything or one namespace, for ``seconds`` or for good."""

    verb: Literal["mode"] = "mode"
    mode: Mode
    namespace: str = ""
    seconds: float | None = None


class Do(Value):
    """A person's own kubectl command as a transaction; its author's approval is in it."""

    verb: Literal["do"] = "do"
    proposal: Proposal
    settle: float | None = None
    irreversible_ok: bool = Field(default=False, description="the author said explicitly that it cannot be undone")


class Ask(Value):
    """A question to the agents."""

    verb: Literal["ask"] = "ask"
    question: str


Command = Annotated[Veto | Approve | Hold | Undo | Pause | Resume | SetMode | Do | Ask, Field(discriminator="verb")]
COMMAND: TypeAdapter[Command] = TypeAdapter(Command)
"""Decodes a command; raises pydantic.ValidationError."""


class Posted(Value):
    """A command in the inbox."""

    id: str
    actor: str
    surface: Literal["terminal", "slack", "cli", "chat", "api"]
    command: Command
    at: datetime | None = Field(default=None, description="when it was asked; None when the inbox does not keep it")
