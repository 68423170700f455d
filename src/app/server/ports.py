"""The port to serve on: taken or free, before it is shared with another program in silence; and the sockets for it."""

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from app.server.data_lock import ServeError


class Port(NamedTuple):
    """The address that was bound, and a socket for each worker, or one for all of them."""

    address: str
    sockets: list[socket.socket]


@contextmanager
def claimed_port(host: str, port: int, workers: int) -> Iterator[Port]:
    """Bind the port for the workers, who listen once they can answer: until then connections are refused.

    The sockets are ours, and outlive a worker: what waits in the queue of one is taken by the worker that comes after. First a
    bind that does not share: does another program listen? Then a socket that shares and never listens: the workers' are bound
    beside it, and another start fails at its first bind.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise ServeError(f"HOST: {host} is no address of this machine.") from None
    # localhost: more clients try 127.0.0.1 than ::1.
    family, _, _, _, where = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    with ExitStack() as ending:
        held = ending.enter_context(socket.socket(family))
        try:
            with socket.socket(family) as probe:
                # Connections of a server that has just stopped do not count as someone who listens.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with suppress(OSError):
                held.bind(where)
            # Linux spreads connections evenly over the sockets of a port; elsewhere one of them would get them all.
            count = workers if sys.platform == "linux" else 1
            sockets = [ending.enter_context(_bound(family, where)) for _ in range(count)]
        except PermissionError:
            raise ServeError(f"Port {port} is reserved for root. Set PORT to a number above 1023.") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ServeError(
                    f"Port {port} on {host} is taken: another program listens there. Stop it, or set PORT to another number."
                ) from None
            raise ServeError(f"HOST: {host} is no address of this machine.") from None
        yield Port(str(where[0]), sockets)


def _bound(family: int, where: tuple[object, ...]) -> socket.socket:
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Its connections inherit this: an answer is not held back until the last one was acknowledged.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.bind(where)
    except OSError:
        bound.close()
        raise
    return bound
