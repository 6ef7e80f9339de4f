"""Where servers can listen."""

import atexit
import itertools
import os
import socket
from functools import cache
from typing import Final

_FIRST, _AFTER, _EACH = 20_000, 32_000, 250
_numbers: Final = itertools.count(os.getpid())


def free_port() -> int:
    """A port of this host on which nobody listens now, and nobody else's server will: each process
    that runs tests has ports of its own, below those that the system gives to clients."""
    first = 1 + int(_first_port().getsockname()[1])
    for _ in range(_EACH - 1):
        port = first + next(_numbers) % (_EACH - 1)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no port from {first} on is free")


@cache
def _first_port() -> socket.socket:
    """The first of these ports, held for as long as this process lives, so that others find theirs
    elsewhere."""
    for port in range(_FIRST, _AFTER, _EACH):
        held = socket.socket()
        try:
            held.bind(("127.0.0.1", port))
        except OSError:
            held.close()
        else:
            atexit.register(held.close)
            return held
    raise OSError("as many processes as there are ports for run tests here")
