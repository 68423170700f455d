"""The clients of a stage: a steady load from several at once, and those that look when it works again."""

import asyncio
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from chaos.accounts import PASSWORD, about_accounts
from chaos.checks import through_the_api
from chaos.clients import Client, Make, Request
from chaos.shelf import Finding, Shelf
from chaos.slices import PLAIN
from chaos.stage import ChaosError, Stage
from chaos.stored import fetch, in_the_tables
from chaos.wire import Answer

PATIENCE = 0.2
"""Clients wait for a fifth of what docs/clients.md says, so that more requests meet the fault."""

PROBES = 4
"""Clients that ask for everything once a fault has ended."""


class Recovery(NamedTuple):
    """Seconds from the end of a fault to the first good answer, and to one of every kind; which kind was the last."""

    first: float
    every: float
    last: str


class Crowd:
    """Everyone who uses a stage."""

    def __init__(self, stage: Stage, clients: int, *, users_each: int = 2, guests: int = 0, pause: float = 0.04) -> None:
        self.stage, self.pause = stage, pause
        self._chance = Random(7)  # noqa: S311 - it shall repeat
        first = Client(stage.wire(), [], 0)
        self.operator = self._operator(first)
        self.kinds = PLAIN + about_accounts(self.operator)
        self.clients = [self._client(first, number, users_each, is_guest=False) for number in range(clients)]
        self.probes = [self._client(first, 1000 + number, 1, is_guest=False, patience=0.02) for number in range(PROBES)]
        self.guests = [self._client(first, 2000 + number, 1, is_guest=True) for number in range(guests)]
        self._others: list[Client] = []
        self._going, self._guests_going = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        # So that there is something to read and change.
        self._each_kind()
        self._each_kind()

    @property
    def everyone(self) -> list[Client]:
        return [*self.clients, *self.probes, *self.guests]

    def also(self, clients: Sequence[Client], kinds: Sequence[Make]) -> None:
        """Have others send as well, for users who are somebody's already, until the next rest."""
        self._others = [*clients]
        for client in clients:
            words = (kinds, [1.0] * len(kinds), self._going, self._rest)
            self._threads.append(threading.Thread(target=client.run, args=words, daemon=True))
            self._threads[-1].start()

    def join(self, number: int, kinds: Sequence[Make]) -> None:
        """Have newcomers send as well, at first only requests of these kinds."""
        for _ in range(number):
            client = self._client(self.probes[0], 4000 + len(self.clients), 1, is_guest=False)
            self.clients.append(client)
            words = (kinds, [1.0] * len(kinds), self._going, self._rest)
            self._threads.append(threading.Thread(target=client.run, args=words, daemon=True))
            self._threads[-1].start()

    def guest(self) -> Shelf:
        """Somebody new, about whom nobody asks anything but the one who got them here."""
        return _registered(self.probes[0], is_guest=True)

    @property
    def users(self) -> list[Shelf]:
        return [user for client in self.everyone for user in client.users]

    def begin(self) -> None:
        """Begin to send."""
        # As clients do with a connection that they have not used for a while: a restart waits for idle ones, for ten seconds.
        self.stage.hang_up()
        for kinds, going, clients in ((self.kinds, self._going, self.clients), (PLAIN, self._guests_going, self.guests)):
            going.set()
            for client in clients:
                words = ([make for make, _ in kinds], [weight for _, weight in kinds], going, self._rest)
                self._threads.append(threading.Thread(target=client.run, args=words, daemon=True))
                self._threads[-1].start()

    def send_guests_home(self) -> None:
        """The others go on."""
        self._guests_going.clear()

    def rest(self, within: float = 120.0) -> None:
        """Stop, once every request that is under way has its outcome."""
        self._going.clear()
        self._guests_going.clear()
        end = time.monotonic() + within
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                raise ChaosError(f"A client of {self.stage.name} waits for an outcome for more than {within:.0f} s.")
        self._threads.clear()

    def recovered(self, ended: float) -> Recovery:
        """Ask for everything, beside the load, until it was answered well."""
        for client in self.everyone:
            client.succeeded.clear()
        self._each_kind()
        times = {kind: at - ended for client in self.probes for kind, at in client.succeeded.items() if at > ended}
        every = [at - ended for client in self.everyone for at in dict(client.succeeded).values() if at > ended]
        if not times:
            raise ChaosError(f"{self.stage.name} answers nothing well any more. {self.stage.words()}")
        last = max(times, key=times.__getitem__)
        return Recovery(min(every), times[last], last)

    def counts(self) -> Counter[str]:
        """What has happened since this was asked last."""
        total: Counter[str] = Counter()
        for client in (*self.everyone, *self._others):
            total += client.counts
            client.counts = Counter()
        return total

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong: what the clients saw, what the API says, what is in the tables."""
        for client in (*self.everyone, *self._others):
            yield from client.findings
            client.findings.clear()
        everyone, found = queue.SimpleQueue[Client](), queue.SimpleQueue[Finding]()
        # Of the guests one in ten: all of them are looked at in the tables.
        for client in (*self.clients, *self.probes, *self.guests[::10]):
            everyone.put(client)

        def check() -> None:
            while True:
                try:
                    client = everyone.get_nowait()
                except queue.Empty:
                    return
                for finding in through_the_api(client):
                    found.put(finding)

        _together([threading.Thread(target=check, daemon=True) for _ in range(PROBES)])
        while not found.empty():
            yield found.get()
        yield from in_the_tables(self.stage.url, self.users)
        self.counts()
        self._others.clear()

    def _rest(self) -> float:
        return self.pause * self._chance.uniform(0.5, 1.5)

    def _each_kind(self) -> None:
        """Have the probes send one request of every kind."""
        waiting = queue.SimpleQueue[Make]()
        for make, _ in self.kinds:
            waiting.put(make)

        def ask(client: Client) -> None:
            while True:
                try:
                    make = waiting.get_nowait()
                except queue.Empty:
                    return
                client.once(make)

        _together([threading.Thread(target=ask, args=(client,), daemon=True) for client in self.probes])

    def _client(self, first: Client, seed: int, users: int, *, is_guest: bool, patience: float = PATIENCE) -> Client:
        client = Client(self.stage.wire(), (), seed, patience=patience)
        client.users = [_registered(client, is_guest=is_guest) for _ in range(users)]
        for shelf in client.users if not is_guest else ():
            # Messages without a limit, and many credits.
            of_user, token = f"/v1/admin/users/{shelf.id}", self.operator.token
            usage, grant = {"tier": "enterprise"}, {"amount": 1_000_000, "idempotency_key": shelf.mark}
            _needed(first, Request("usage", shelf, "PUT", f"{of_user}/usage", usage, token=token))
            _needed(first, Request("grant", shelf, "POST", f"{of_user}/credits/grants", grant, (201,), token=token))
        return client

    def _operator(self, first: Client) -> Shelf:
        """An admin, who does what services do."""
        operator = _registered(first, is_guest=False)
        asyncio.run(fetch(self.stage.url, "operator", operator.id))
        body = {"username": operator.username, "password": PASSWORD}
        operator.token = _needed(first, Request("login", operator, "POST", "/v1/auth/login", body, token="")).json()["token"]
        return operator


def _registered(client: Client, *, is_guest: bool) -> Shelf:
    """Somebody new."""
    nobody, mark = Shelf("", "", ""), Shelf.new_mark()
    if is_guest:
        made = _needed(client, Request("guest", nobody, "POST", "/v1/auth/guest", None, (201,), token="")).json()
        return Shelf(made["user"]["id"], made["token"], mark)
    username = mark.replace("owner-", "u")
    body = {"email": f"{username}@example.com", "password": PASSWORD, "username": username}
    made = _needed(client, Request("register", nobody, "POST", "/v1/auth/register", body, (201,), token="")).json()
    return Shelf(made["user"]["id"], made["token"], mark, username)


def _needed(client: Client, request: Request) -> Answer:
    answer = client.do(request)
    if answer is None or client.findings:
        raise ChaosError(f"The stage could not be set: {client.findings[0] if client.findings else request}")
    return answer


def _together(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
