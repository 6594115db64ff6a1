"""One noun a file: each widget shows the rows that a pure function of ``render`` makes of the view."""
