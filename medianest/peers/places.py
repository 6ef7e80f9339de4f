"""Probes, and calls through a bulkhead, that all processes of a host may make together: bytes of a
file, which the kernel frees when their holder dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["Places"]

_FLOCK: Final = struct.Struct("hhqqi4x")
"""The system's `struct flock`: type, from where, start, length, process."""

_FREE: Final = fcntl.F_UNLCK


class Places:
    """Locks of one open file, so that threads of a process have them together. Raises OSError where
    the file system has no such locks. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._mine: dict[str, set[int]] = {}
        self._lock = threading.Lock()  # around calls of the system that wait for nothing
        try:
            if self._is_locked_now("a try", 0):  # or another process tries at this instant
                self._change(_FREE, "a try", 0)
        except OSError:
            self.close()
            raise

    def take(self, rounds: tuple[str, ...], most: int) -> bool:
        """One of the first round, while not so many are taken of all of them. 2 us for each that
        others have."""
        with self._lock:
            try:
                if sum(self._taken(each, most) for each in rounds) >= most:
                    return False
                return self._has_taken(rounds[0], most)
            except (OSError, ValueError):
                return True  # this process is leaving, or has no more locks, and is on its own

    def _has_taken(self, which: str, most: int) -> bool:
        mine = self._mine.setdefault(which, set())
        for place in range(most):
            if place not in mine and self._is_locked_now(which, place):
                mine.add(place)
                return True
        return False

    def take_one(self, which: str, most: int) -> bool:
        """One more of those, of which there are `most`. Some microseconds for each that is
        taken."""
        with self._lock:
            try:
                return self._has_taken(which, most)
            except (OSError, ValueError):
                return True  # as above

    def taken(self, rounds: tuple[str, ...], most: int) -> int:
        """How many of all those rounds all processes have."""
        with self._lock:
            try:
                return sum(self._taken(each, most) for each in rounds)
            except (OSError, ValueError):
                return 0

    def taken_elsewhere(self, which: str, most: int) -> int:
        """How many of those others have."""
        with self._lock:
            try:
                return self._taken(which, most) - len(self._mine.get(which, ()))
            except (OSError, ValueError):
                return 0

    def give(self, rounds: tuple[str, ...]) -> None:
        """One that was taken of the first round."""
        with self._lock, suppress(OSError, ValueError):  # it is free when this process leaves
            if mine := self._mine.get(rounds[0]):
                self._change(_FREE, rounds[0], mine.pop())

    def keep(self, rounds: Collection[str]) -> None:
        """Give back all of other rounds than those."""
        with self._lock:
            for over in [each for each in self._mine if each not in rounds]:
                for place in self._mine.pop(over):
                    self._change(_FREE, over, place)

    def give_all(self, which: str) -> None:
        """All of those."""
        with self._lock, suppress(OSError, ValueError):
            for place in self._mine.pop(which, ()):
                self._change(_FREE, which, place)

    def close(self) -> None:
        """Give back all, for good. In a process that was forked they stay those of its parent."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _taken(self, which: str, most: int) -> int:
        mine = self._mine.get(which, ())
        others = (self._is_others(which, place) for place in range(most) if place not in mine)
        return len(mine) + sum(others)

    def _is_others(self, which: str, place: int) -> bool:
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _offset(which, place), 1, 0)
        answer: bytes = fcntl.fcntl(self._file, fcntl.F_OFD_GETLK, asked)
        return bool(_FLOCK.unpack(answer)[0] != _FREE)

    def _is_locked_now(self, which: str, place: int) -> bool:
        try:
            self._change(fcntl.F_WRLCK, which, place)
        except BlockingIOError:
            return False
        return True

    def _change(self, to: int, which: str, place: int) -> None:
        wanted = _FLOCK.pack(to, os.SEEK_SET, _offset(which, place), 1, 0)
        fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, wanted)


def _offset(which: str, place: int) -> int:
    """A byte of its own: the file is empty, and may be locked anywhere."""
    digest = hashlib.blake2b(f"{which} {place}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 2
