"""The journal: one SQLite file that is the truth. One process appends events; any number of readers tail them."""

from stratus.journal.journal import Journal, default_path, open_journal, open_reader
from stratus.journal.reader import Heartbeat, LogReader

__all__ = ["Heartbeat", "Journal", "LogReader", "default_path", "open_journal", "open_reader"]
