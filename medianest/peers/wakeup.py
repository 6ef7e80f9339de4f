"""Wakes a thread that waits for something to read."""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["WakeUp"]


class WakeUp:
    """A pipe; wait until `fileno()` can be read. Thread-safe."""

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        """What can be read when somebody has called."""
        return self._reads

    def call(self) -> None:
        """Wake it; waits for nothing."""
        with suppress(OSError):  # it is full, so it wakes anyway
            os.write(self._writes, b"\0")

    def answer(self) -> None:
        """Nobody calls any more."""
        with suppress(OSError):
            os.read(self._reads, 4096)

    def close(self) -> None:
        """Free what it has."""
        os.close(self._reads)
        os.close(self._writes)
