"""Which process of a host does what only one need do: whoever holds a lock. The kernel frees it
when its holder dies, and the next that looks has it."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["Election"]

_FREE: Final = -1


class Election:
    """Of one process among those that share `file`. Used by one thread; `is_elected` by all."""

    def __init__(self, file: Path) -> None:
        self._path = file
        self._file = _FREE

    @property
    def is_elected(self) -> bool:
        """Whether it is this process, as of its last look."""
        return self._file != _FREE

    def look(self) -> bool:
        """Stand for it; whether this process is elected. It stays so until it dies, resigns, or
        somebody removes the file."""
        if self.is_elected and not self._is_there():
            self.resign()
        if not self.is_elected:
            self._file = self._locked()
        return self.is_elected

    def resign(self) -> None:
        """Leave it to the others; also what a process does that was forked, and leaves the lock to
        the one that has it."""
        file, self._file = self._file, _FREE
        if file != _FREE:
            os.close(file)

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except OSError:
            return False

    def _locked(self) -> int:
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return _FREE
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), self._path.stat()):
                return file
        except OSError:
            pass
        with suppress(OSError):
            os.close(file)
        return _FREE
