"""HTTP as a client's program has it: one connection, kept alive, opened again when it is lost."""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Json = Any

IDLE = 4.0
"""Seconds after which a connection is not used again: the server closes idle ones after ten."""


class Lost(Exception):
    """No answer came: nobody knows whether the request was done. The text says what happened."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    seconds: float = 0.0

    def json(self) -> Json:
        return json.loads(self.body)


Send = Callable[[str, str, Mapping[str, str], bytes | None], Answer]
"""Sends a method, a path, headers and a body. Raises Lost."""


class Wire:
    """A connection to a port of 127.0.0.1. `within`: seconds of silence after which a client's program gives up."""

    def __init__(self, port: int, within: float = 40.0) -> None:
        self._port, self._within = port, within
        self._connection: http.client.HTTPConnection | None = None
        self._used = 0.0

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send a request and read its answer. Raises Lost."""
        begun = time.monotonic()
        if begun - self._used > IDLE:
            self.close()
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._within)
        try:
            self._connection.request(method, path, body, dict(headers))
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Lost(f"{type(error).__name__}: {error}") from None
        if response.will_close:
            self.close()
        self._used = time.monotonic()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, content, self._used - begun)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
