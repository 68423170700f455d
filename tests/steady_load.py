"""Clients that write and read over connections that they keep, without ever trying again: what is lost shows."""

import http.client
import itertools
import json
import threading
from collections import Counter
from typing import Any, Self


class SteadyLoad:
    """So many clients, which send requests until they are stopped. Every other one creates a task, the next reads it."""

    def __init__(self, port: int, token: str, name: str, clients: int = 4, pause: float = 0.01) -> None:
        """`name`: what its titles begin with. `pause`: seconds between an answer and the next request of a client."""
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._name = name
        self._pause = pause
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._send_on, args=(number,)) for number in range(clients)]
        self.answered = 0
        self.lost: list[str] = []
        """What came instead of the answer, once for each request that got none, or another."""
        self.acknowledged: list[str] = []
        """Titles of the tasks whose creation was answered."""

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _send_on(self, client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        path = "/v1/tasks"
        for number in itertools.count():
            if self._stopped.wait(self._pause):
                break
            title = f"{self._name}/{client}/{number}"
            writes = number % 2 == 0
            try:
                if writes:
                    connection.request("POST", "/v1/tasks", json.dumps({"title": title}), self._headers)
                else:
                    connection.request("GET", path, headers=self._headers)
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(f"{'POST' if writes else 'GET'}: {type(error).__name__}")
                connection.close()
                continue
            if response.status != (201 if writes else 200):
                self.lost.append(f"{'POST' if writes else 'GET'}: {response.status} {body[:300]!r}")
            elif writes:
                path = response.headers["Location"]
                self.acknowledged.append(title)
            self.answered += 1
        connection.close()


def titles(port: int, token: str) -> Counter[str]:
    """How often each title is stored, page by page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found: Counter[str] = Counter()
    cursor: str | None = ""
    while cursor is not None:
        query = f"&cursor={cursor}" if cursor else ""
        connection.request("GET", f"/v1/tasks?limit=100{query}", headers={"Authorization": f"Bearer {token}"})
        page: dict[str, Any] = json.loads(connection.getresponse().read())
        found.update(task["title"] for task in page["items"])
        cursor = page["next_cursor"]
    connection.close()
    return found
