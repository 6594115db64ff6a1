"""The multi-agent system: roles that look, think and propose. It reads freely and writes nothing: the engine does."""
