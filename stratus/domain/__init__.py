"""Pure data and decisions: no I/O, no clock, no randomness. Everything else in STRATUS is written in these words."""
