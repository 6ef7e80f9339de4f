"""Questions that one process of a host answers for the others, through a socket in their folder.

Each question has a connection of its own, whose messages keep their bounds. While an answer is made
signs of life come, so that who asks soon knows of one that stands still.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

from medianest.resilience import Clock

__all__ = ["ALIVE", "LARGEST", "LARGEST_QUESTION", "LAST", "MORE", "PATIENCE", "PIECE", "Relay"]

PATIENCE: Final = 0.25
"""Seconds within which the first message must come, and each further one."""

LARGEST: Final = 8_000_000
LARGEST_QUESTION: Final = 60_000
PIECE: Final = 60_000
"""Bytes of an answer, of a question, and of one message."""

ALIVE, MORE, LAST = b".", b"+", b"="
"""What a message begins with: a sign of life, a piece of the answer, and its last one."""

_WHOLE: Final = 30.0
"""Seconds that an answer may take in all."""
_REST: Final = 1.0
"""Seconds in which nothing is asked after one that stood still."""


class Relay:
    """Asks whoever answers at `path`. Thread-safe."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = str(path), clock
        self._rests_until = float("-inf")

    def ask(self, question: bytes) -> bytes | None:
        """The answer; None where nobody gives one in time."""
        now = self._clock.now()
        if len(question) > LARGEST_QUESTION or now < self._rests_until:
            return None
        try:
            return self._asked(question, now + _WHOLE)
        except TimeoutError:
            self._rests_until = self._clock.now() + _REST
        except OSError:  # nobody is there, or has just gone: that is known at once
            pass
        return None

    def _asked(self, question: bytes, until: float) -> bytes | None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(self._path)
            connection.send(question)
            found = bytearray()
            while len(found) <= LARGEST and self._clock.now() < until:
                message = connection.recv(1 + PIECE)
                if message[:1] in (MORE, LAST):
                    found += message[1:]
                if message[:1] == LAST:
                    return bytes(found)
                if not message:  # it does not answer this
                    return None
        return None
