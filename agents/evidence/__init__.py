"""What the roles think from: one read of everything that matters, and the questions that can be asked of it."""

from __future__ import annotations

from agents.evidence.changes import Change, Source
from agents.evidence.gather import gather
from agents.evidence.model import Evidence, LogTail
from agents.evidence.workload import Revision, Workload

__all__ = ["Change", "Evidence", "LogTail", "Revision", "Source", "Workload", "gather"]
