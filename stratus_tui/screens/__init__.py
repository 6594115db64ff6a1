"""One task a file: the board, a detail, a question, the help."""
