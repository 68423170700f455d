"""What one request asks of a provider: bounded in time, in bytes, and in how many ask at once.

Nothing that a provider sends gets into the log or into an answer but the number of its status.
"""

import asyncio
import re
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import msgspec
import structlog

from app.problems.problem import later
from app.telemetry import metrics

log = structlog.get_logger()

WITHIN = 4.5
"""Seconds for all that a request asks of a provider: its answer is there within five."""

AT_ONCE = 32
"""Requests of a worker that may wait for one provider. Of one that hung last time a single one may find out more."""

BODY_LIMIT = 256 * 1024

RETRY_AFTER = 5


class Unusable(Exception):
    """A provider cannot be reached, or sent nothing of use. The text is a word of ours, for the log."""


class Answer(msgspec.Struct, frozen=True):
    """What a provider sent, when it was neither a redirect nor an error of its own."""

    status: int
    body: bytes
    max_age: int | None
    """How many seconds it holds, where that is said."""

    def decoded(self) -> Any:
        """The body, from JSON. Raises Unusable."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise Unusable("no JSON") from None

    def object(self) -> dict[str, Any]:
        """The body, which must be a JSON object. Raises Unusable."""
        value = self.decoded()
        if not isinstance(value, dict):
            raise Unusable("no object")
        return value


def tls_context() -> ssl.SSLContext:
    """What httpx trusts, and what this machine does beside it: an organisation's certificates, SSL_CERT_FILE. Takes 40 ms."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


def open_client() -> httpx.AsyncClient:
    """What asks all providers: through no proxy of the environment, following no redirect, keeping no cookie."""
    return httpx.AsyncClient(
        verify=tls_context(),
        trust_env=False,
        follow_redirects=False,
        # A provider's cookie would come with the next user's request.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        # Line bounds both.
        timeout=None,  # noqa: S113
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=8),
        headers={"User-Agent": "holdfast", "Accept": "application/json", "Accept-Encoding": "identity"},
    )


class Line:
    """The requests that wait for one provider: no more than AT_ONCE, and none longer than WITHIN."""

    def __init__(self, provider: str, client: httpx.AsyncClient) -> None:
        self.provider = provider
        self.client = client
        self._waiting = 0
        self._hung = False
        for outcome in ("answered", "failed", "hung", "turned_away"):
            metrics.provider_calls.labels(provider, outcome)
        self._seconds = metrics.provider_seconds.labels(provider)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator["Asking"]:
        """A block that asks the provider. Raises Problem 503 when it is not to be asked, or sends nothing of use in time."""
        asking, hung = Asking(self), False
        try:
            async with asyncio.timeout(WITHIN):
                yield asking
        except TimeoutError:
            hung = True
            self.count("hung")
            log.warning("provider_failed", provider=self.provider, reason="hung")
            raise later("provider_unavailable", RETRY_AFTER) from None
        except Unusable as error:
            log.warning("provider_failed", provider=self.provider, reason=str(error))
            raise later("provider_unavailable", RETRY_AFTER) from None
        except asyncio.CancelledError:
            # Whoever waited has gone: that says nothing about the provider.
            hung = self._hung
            raise
        finally:
            if asking.waits:
                self._waiting -= 1
                self._hung = hung

    def join(self) -> None:
        """Take a place in the line. Raises Problem 503 where there is none: nobody waits for a place."""
        if self._waiting >= (1 if self._hung else AT_ONCE):
            self.count("turned_away")
            raise later("provider_unavailable", RETRY_AFTER)
        self._waiting += 1

    def count(self, outcome: str, seconds: float | None = None) -> None:
        """Count a call, or one that was not made."""
        metrics.provider_calls.labels(self.provider, outcome).inc()
        if seconds is not None:
            self._seconds.observe(seconds)


class Asking:
    """What one request asks of a provider."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.waits = False
        """Whether it has a place in the line."""

    def begin(self) -> None:
        """Take a place in the line, once. Raises Problem 503."""
        if not self.waits:
            self._line.join()
            self.waits = True

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Raises Unusable, Problem 503."""
        return await self.send("GET", url, headers or {}, None)

    async def published(self, url: str) -> Answer:
        """What a provider has for everybody, with the status 200 and no other. Raises Unusable, Problem 503."""
        answer = await self.get(url)
        if answer.status != 200:
            raise Unusable(f"status {answer.status}")
        return answer

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> Answer:
        """Send one request. Raises Unusable, Problem 503."""
        self.begin()
        started = time.perf_counter()
        try:
            async with self._line.client.stream(method, url, headers=dict(headers), content=body) as response:
                answer = await _read(response)
        except (httpx.HTTPError, httpx.InvalidURL, Unusable) as error:
            self._line.count("failed", time.perf_counter() - started)
            # Their texts name hosts and addresses.
            raise error if isinstance(error, Unusable) else Unusable(type(error).__name__) from None
        self._line.count("answered", time.perf_counter() - started)
        return answer


async def _read(response: httpx.Response) -> Answer:
    """Read an answer in pieces, never more than BODY_LIMIT of it, packed or unpacked. Raises Unusable, httpx.HTTPError."""
    status = response.status_code
    if not 200 <= status < 500 or 300 <= status < 400 or status == 429:
        # What it sends along is of no use, and a redirect may lead to where only this machine gets.
        raise Unusable(f"status {status}")
    packing = response.headers.get("content-encoding", "identity").lower()
    if packing not in {"identity", "gzip", "deflate"}:
        raise Unusable("packing")
    unpacking = None if packing == "identity" else zlib.decompressobj(zlib.MAX_WBITS | 32)
    body, came = bytearray(), 0
    async for piece in response.aiter_raw():
        came += len(piece)
        try:
            body += piece if unpacking is None else unpacking.decompress(piece, BODY_LIMIT + 1 - len(body))
        except zlib.error:
            raise Unusable("packing") from None
        if max(came, len(body)) > BODY_LIMIT:
            raise Unusable("too long")
    if unpacking is not None and not unpacking.eof:
        raise Unusable("packing")
    return Answer(status, bytes(body), _max_age(response.headers))


def _max_age(headers: httpx.Headers) -> int | None:
    said = headers.get("cache-control", "").lower()
    if re.search(r"no-store|no-cache", said):
        return 0
    found, age = re.search(r"(?:^|[\s,])max-age=\"?([0-9]{1,9})", said), headers.get("age", "0")
    return max(0, int(found[1]) - (int(age) if re.fullmatch("[0-9]{1,9}", age) else 0)) if found else None
