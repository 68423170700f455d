"""Holdfast without coalescing: each request sends statements of its own. For comparison only; Holdfast has no such option.

python -m bench.without_coalescing <pid of the parent>
"""

from app.database.executor import Database
from app.http.middleware import Application
from app.server import worker
from bench import launcher


def from_environment() -> Application:
    Database.coalesce = Database.run
    return worker.from_environment()


if __name__ == "__main__":
    launcher.serve("bench.without_coalescing:from_environment")
