"""Health, metrics and the explanation of problems: for those who watch the server."""
