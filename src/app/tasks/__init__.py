"""Tasks: the smallest slice. The one exception is that a foreign task answers 403."""
