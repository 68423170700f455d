"""The port to serve on: taken or free, before granian shares it with another program in silence."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.server.data_lock import ServeError


@contextmanager
def claimed_port(host: str, port: int) -> Iterator[str]:
    """Hold the port for granian, which shares one silently with another program. Yields the address to bind.

    First a bind that does not share: does another program listen? Then a socket that shares and never listens: granian can
    bind beside it, and another start fails at its first bind.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise ServeError(f"HOST: {host} is no address of this machine.") from None
    # localhost: more clients try 127.0.0.1 than ::1.
    family, _, _, _, where = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    with socket.socket(family) as held:
        try:
            with socket.socket(family) as probe:
                # Connections of a server that has just stopped do not count as someone who listens.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with suppress(OSError):
                held.bind(where)
        except PermissionError:
            raise ServeError(f"Port {port} is reserved for root. Set PORT to a number above 1023.") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ServeError(
                    f"Port {port} on {host} is taken: another program listens there. Stop it, or set PORT to another number."
                ) from None
            raise ServeError(f"HOST: {host} is no address of this machine.") from None
        yield str(where[0])
