"""kubectl's commands as typed steps: what people and agents know how to say, in the one language that can be undone."""

from __future__ import annotations

from stratus.cluster.kubectl.compiler import DryRunOnly, compile_command
from stratus.cluster.kubectl.invocation import ReadFile, local_files, no_files, reads_stdin
from stratus.cluster.kubectl.line import split_line

__all__ = ["DryRunOnly", "ReadFile", "compile_command", "local_files", "no_files", "reads_stdin", "split_line"]
