"""A bare ASGI function, served exactly as `holdfast serve` serves the app: by the app's own launcher.

python -m bench.floor <pid of the parent>
"""

import os
from typing import Any

from app.server.worker import die_with_parent
from bench import launcher

_TASK = b"x" * int(os.environ["BARE_TASK_BYTES"])
_PAGE = b"x" * int(os.environ["BARE_PAGE_BYTES"])


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = _PAGE if scope["path"] == "/v1/tasks" else _TASK
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def from_environment() -> Any:
    die_with_parent()
    return app


if __name__ == "__main__":
    launcher.serve("bench.floor:from_environment")
