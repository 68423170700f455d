"""Holdfast: one durable, fast, self-hosted JSON API over PostgreSQL."""


def __getattr__(name: str) -> str:
    """`__version__`, looked up when it is asked for: that takes 30 ms, which a program for each segment of a log adds up."""
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import version  # noqa: PLC0415 - see above

    return version("holdfast")
