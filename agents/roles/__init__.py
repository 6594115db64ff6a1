"""One role a file. A role looks, thinks with the mind, and says what it found; the conductor decides who is next."""
