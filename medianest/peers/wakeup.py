"""Wakes a thread that waits for something to read."""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["WakeUp"]


class WakeUp:
    """A pipe; wait until `fileno()` can be read, `answer()`, and then look what there is to do.
    Thread-safe."""

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._is_called = False

    def fileno(self) -> int:
        """What can be read when somebody has called."""
        return self._reads

    def call(self) -> None:
        """Wake it; waits for nothing. Once is enough until it answers."""
        if self._is_called:
            return
        self._is_called = True
        with suppress(OSError):  # it is closed
            os.write(self._writes, b"\0")

    def answer(self) -> None:
        """Nobody calls any more."""
        with suppress(OSError):
            os.read(self._reads, 4096)
        self._is_called = False

    def close(self) -> None:
        """Free what it has."""
        reads, writes, self._reads, self._writes = self._reads, self._writes, -1, -1
        os.close(reads)  # not before it is forgotten: the number is somebody else's at once
        os.close(writes)
