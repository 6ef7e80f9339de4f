"""Where servers can listen."""

import itertools
import os
import socket
from typing import Final

_FIRST, _EACH = 20_000, 1_000
_numbers: Final = itertools.count(os.getpid())


def free_port() -> int:
    """A port of this host on which nobody listens now, and nobody else's server will: each process
    of a run has ports of its own, below those that the system gives to clients."""
    first = _FIRST + _EACH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 12)
    for _ in range(_EACH):
        port = first + next(_numbers) % _EACH
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no port from {first} on is free")
