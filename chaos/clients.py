"""A client as docs/clients.md tells clients to be: what it does not know the outcome of it sends again, the same.

Every acknowledged write goes on the shelf of its user, and every answer is searched for rows of others.
"""

import json
import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from chaos.shelf import Finding, Shelf
from chaos.wire import Answer, Lost, Send

PASSING = frozenset({408, 429, 502, 503, 504})
"""Statuses after which the same request is sent again."""

SENT_AGAIN_FOR = 90.0
"""Seconds after which a client that gets no outcome gives up, which is a finding."""

Effect = Callable[[Answer], Iterator[Finding] | None]


class Request(NamedTuple):
    """A request, what may be answered, and what the answer means."""

    kind: str
    shelf: Shelf
    method: str
    path: str
    body: Any = None
    """JSON, or the bytes of a form."""
    good: tuple[int, ...] = (200,)
    again: tuple[int, ...] = ()
    """What may be answered, too, when an earlier attempt may have been done."""
    effect: Effect = lambda _: None
    """Called with a good answer: writes it on the shelf, and tells what is wrong with it."""
    headers: tuple[tuple[str, str], ...] = ()
    token: str | None = None
    """In place of the user's own; "" for none."""
    learn: "Callable[[], Request] | None" = None
    """How the row is read after an answer of `again` that does not say how it stands."""

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    def __str__(self) -> str:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body)
        return f"{self.method} {self.path} {'' if self.body is None else body[:300]!r}"


Make = Callable[[Shelf, random.Random], Request | None]
"""Makes a request for a user; None when there is nothing that it could be about."""


class Client:
    """One of several that send at the same time. Its users are nobody else's."""

    def __init__(self, send: Send, users: Sequence[Shelf], seed: int, *, patience: float = 1.0) -> None:
        self.send, self.users, self.chance = send, users, random.Random(seed)  # noqa: S311 - it shall repeat
        self.patience = patience
        """How long pauses between attempts are, as a part of what docs/clients.md says."""
        self.counts: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self.seconds: list[tuple[float, float]] = []
        """When each answered request was sent, and how long it took."""
        self.succeeded: dict[str, float] = {}
        """When a request of each kind was last answered well."""
        self.address = ".".join(str(self.chance.randrange(1, 255)) for _ in range(4))

    def run(self, makes: Sequence[Make], weights: Sequence[float], going: threading.Event, pause: Callable[[], float]) -> None:
        """Send one request after another while `going` is set; `pause` gives the seconds between two."""
        while going.is_set():
            begun = time.monotonic()
            try:
                self.once(self.chance.choices(makes, weights)[0])
            except Exception:  # noqa: BLE001 - a client that ends in silence would find nothing any more
                self.findings.append(Finding("wrong", f"a client failed itself: {traceback.format_exc()}"))
                return
            rest = pause() - (time.monotonic() - begun)
            if rest > 0:
                time.sleep(rest)

    def once(self, make: Make) -> bool:
        """Send one request of a kind, until its outcome is known. False: there was nothing to send."""
        request = make(self.chance.choice(self.users), self.chance)
        if request is None:
            return False
        self.do(request)
        return True

    def do(self, request: Request) -> Answer | None:
        """Send a request until there is an answer that says how it ended; that answer, or None after a long time."""
        end, is_uncertain, attempt = time.monotonic() + SENT_AGAIN_FOR, False, 0
        while True:
            answer = self._attempt(request)
            if answer is not None and answer.status not in PASSING and answer.status < 500:
                break
            if request.writes and not is_uncertain and (answer is None or answer.status != 429):
                is_uncertain = True
                self.counts["unknown"] += 1
            if time.monotonic() > end:
                self._find("wrong", f"{request.kind}: no outcome within {SENT_AGAIN_FOR:.0f} s", request, answer)
                return None
            attempt += 1
            time.sleep(self._pause(answer, attempt))
            self.counts["resent"] += 1
        if request.shelf.strangers(answer.body):
            whose = ", ".join(request.shelf.strangers(answer.body))
            self._find("foreign", f"{request.kind} of {request.shelf.mark} ({request.shelf.id}) shows {whose}", request, answer)
        return self._judge(request, answer, is_uncertain=is_uncertain)

    def _judge(self, request: Request, answer: Answer, *, is_uncertain: bool) -> Answer:
        if answer.status in request.good or (is_uncertain and answer.status in request.again):
            self.counts["acknowledged" if request.writes else "reads"] += 1
            self.succeeded[request.kind] = time.monotonic()
            if request.learn is not None and answer.status not in request.good:
                self.do(request.learn())
            else:
                for finding in request.effect(answer) or ():
                    self._find(finding.what, finding.sentence, request, answer, finding.stored)
        else:
            self.counts["errors"] += 1
            sure = "after an attempt without an outcome" if is_uncertain else "at once"
            self._find("wrong", f"{request.kind}: {answer.status} {sure}", request, answer)
        return answer

    def _attempt(self, request: Request) -> Answer | None:
        headers = {"X-Forwarded-For": self.address, **dict(request.headers)}
        token = request.shelf.token if request.token is None else request.token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = request.body
        if body is not None and not isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        begun = time.monotonic()
        try:
            answer = self.send(request.method, request.path, headers, body)
        except Lost:
            self.counts["lost"] += 1
            return None
        self.seconds.append((begun, answer.seconds))
        self.counts["refused" if answer.status == 503 else "errors" if answer.status >= 500 else "answered"] += 1
        if answer.status == 500:
            self._find("wrong", f"{request.kind}: 500", request, answer)
        return answer

    def _pause(self, answer: Answer | None, attempt: int) -> float:
        given = float(answer.headers.get("retry-after", 0)) if answer is not None else 0.0
        return self.patience * (given or min(30.0, 2.0 ** (attempt - 1)) * self.chance.uniform(0.5, 1.5))

    def _find(self, what: str, sentence: str, request: Request, answer: Answer | None, stored: str = "") -> None:
        said = "none" if answer is None else f"{answer.status} {answer.body[:300]!r} {answer.headers.get('x-request-id', '')}"
        self.findings.append(Finding(what, sentence, str(request), said, stored))
