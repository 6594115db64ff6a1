"""Pure functions from the folded log to lines of text with roles. They know no Textual, so tests read them as text."""
