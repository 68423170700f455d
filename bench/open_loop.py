"""A load that does not wait for answers: requests come at a constant rate, as those of many people do.

One thread, sockets and epoll: `python -m bench.open_loop` reads a plan from its standard input and writes what it saw to its
standard output, both as JSON. A latency counts from when the request was due, not from when it could be sent; how late requests
were sent says whether the load itself keeps up.
"""

import gc
import json
import os
import resource
import select
import socket
import sys
from collections import Counter, deque
from time import perf_counter
from typing import NamedTuple

import msgspec

PATIENCE = 15.0
"""Seconds after the last request until what was not answered has failed."""


class Plan(msgspec.Struct, frozen=True):
    """What to send where, for how long."""

    port: int
    requests: list[str]
    """Whole requests, sent in turn."""
    connections: int
    seconds: float
    rate: float | None
    """Requests a second; None: as soon as a connection is free, which tells how many can be answered."""


class Seen(msgspec.Struct, frozen=True):
    """What became of the requests."""

    sent: int
    seconds: float
    statuses: dict[str, int]
    """How many answers had which status; `none`: no answer, or a lost connection."""
    p50_ms: float
    p99_ms: float
    """Of what was answered and not refused."""
    refused_p99_ms: float
    late_p99_ms: float
    """How long after it was due a request was sent: what the load itself, or a lack of connections, adds."""
    cpu: float
    """Share of a core that the load took."""


class Connection:
    """A socket, and the answer that is under way on it."""

    __slots__ = ("due", "port", "received", "socket", "wanted")

    def __init__(self, port: int) -> None:
        self.port = port
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)  # noqa: FBT003
        self.received = b""
        self.wanted = 0


class Answer(NamedTuple):
    status: str
    closes: bool


class Load:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.requests = [request.encode() for request in plan.requests]
        self.poll = select.epoll()
        self.idle: list[Connection] = []
        self.busy: dict[int, Connection] = {}
        self.statuses: Counter[str] = Counter()
        self.answered: list[float] = []
        self.refused: list[float] = []
        self.late: list[float] = []
        self.due: deque[float] = deque()
        for _ in range(plan.connections):
            self.idle.append(connection := Connection(plan.port))
            self.poll.register(connection.socket, select.EPOLLIN)

    def run(self) -> Seen:
        plan, begun, cpu = self.plan, perf_counter(), _cpu()
        came = 0
        while (now := perf_counter()) - begun < plan.seconds:
            if plan.rate is None:
                self.due.extend([now] * len(self.idle))
            else:
                should = int((now - begun) * plan.rate)
                self.due.extend(begun + number / plan.rate for number in range(came, should))
                came = should
            self.send()
            self.receive(0.0005)
        seconds = perf_counter() - begun
        spent = _cpu() - cpu
        end = perf_counter() + PATIENCE
        while (self.busy or self.due) and perf_counter() < end:
            self.send()
            self.receive(0.01)
        self.statuses["none"] += len(self.busy) + len(self.due)
        return Seen(
            sent=sum(self.statuses.values()),
            seconds=seconds,
            statuses=dict(self.statuses),
            p50_ms=_quantile(self.answered, 0.5),
            p99_ms=_quantile(self.answered, 0.99),
            refused_p99_ms=_quantile(self.refused, 0.99),
            late_p99_ms=_quantile(self.late, 0.99),
            cpu=spent / seconds,
        )

    def send(self) -> None:
        """Send what is due, as far as there are connections."""
        while self.due and self.idle:
            connection = self.idle.pop()
            connection.due = self.due.popleft()
            self.late.append(perf_counter() - connection.due)
            self.busy[connection.socket.fileno()] = connection
            try:
                connection.socket.send(self.requests[len(self.late) % len(self.requests)])
            except OSError:
                self.finish(connection, Answer("none", closes=True))

    def receive(self, seconds: float) -> None:
        for number, _ in self.poll.poll(seconds, 1024):
            connection = self.busy.get(number)
            if connection is None:
                continue
            try:
                data = connection.socket.recv(262144)
            except OSError:
                data = b""
            if not data:
                self.finish(connection, Answer("none", closes=True))
                continue
            connection.received += data
            if answer := _whole(connection):
                self.finish(connection, answer)

    def finish(self, connection: Connection, answer: Answer) -> None:
        seconds = perf_counter() - connection.due
        self.statuses[answer.status] += 1
        if answer.status.startswith("2"):
            self.answered.append(seconds)
        elif answer.status == "503":
            self.refused.append(seconds)
        del self.busy[connection.socket.fileno()]
        if answer.closes:
            self.poll.unregister(connection.socket)
            connection.socket.close()
            connection.open()
            self.poll.register(connection.socket, select.EPOLLIN)
        connection.received, connection.wanted = b"", 0
        self.idle.append(connection)


def _whole(connection: Connection) -> Answer | None:
    """The answer that has arrived; None: a part of it is missing."""
    if not connection.wanted:
        head, end, _ = connection.received.partition(b"\r\n\r\n")
        if not end:
            return None
        _, _, length = head.lower().partition(b"content-length: ")
        connection.wanted = len(head) + 4 + int(length.split(b"\r\n", 1)[0] or 0)
    if len(connection.received) < connection.wanted:
        return None
    status = connection.received[9:12].decode()
    return Answer(status, closes=b"\r\nconnection: close" in connection.received[:1000].lower())


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _quantile(seconds: list[float], share: float) -> float:
    """In milliseconds; 0 of none."""
    return 1000 * sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))] if seconds else 0.0


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    gc.disable()
    seen = Load(plan).run()
    json.dump(msgspec.to_builtins(seen), sys.stdout)
    sys.stdout.flush()
    # Thousands of sockets close by themselves.
    os._exit(0)


if __name__ == "__main__":
    main()
