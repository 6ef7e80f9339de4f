"""Which processes of a host share a folder. Each has a file there that it locks for as long as it
lives, and a socket; the kernel tells of its death, and no name is ever used again."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["LARGEST", "Membership", "called", "is_dead"]

LARGEST: Final = 60_000
"""Bytes of one message, which arrives as a whole or not at all."""

_LOCK, _SOCKET, _NEW = ".lock", ".sock", ".new"
_LONGEST_PATH: Final = 107
_RECEIVED_AT_ONCE: Final = 100


class Membership:
    """This process among those of a folder; `label` is what people call it. Raises OSError where
    there can be none: a file system without locks or sockets, a path that is too long.
    Thread-safe."""

    def __init__(self, folder: Path, label: str | None = None) -> None:
        self.name = f"{label or ''}.{os.getpid()}.{secrets.token_hex(4)}"
        self._folder = folder
        self._others: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        folder.mkdir(0o700, parents=True, exist_ok=True)
        path = str(self._path(_SOCKET))
        if len(os.fsencode(path)) > _LONGEST_PATH:
            raise OSError(
                f"with a name it is longer than the {_LONGEST_PATH} bytes of a socket's path"
            )
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self._file, self._is_mine = -1, True
        try:
            self.socket.bind(path)
            self._file = self._locked_file()
        except OSError:
            self.close()
            raise
        self.look()

    def _locked_file(self) -> int:
        """Ours, which nobody sees before it is locked."""
        new = self._path(_NEW)
        file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(self._path(_LOCK))
        except OSError:
            os.close(file)
            raise
        return file

    def others(self) -> frozenset[str]:
        """The names of the others that lived at the last look."""
        return self._others

    def is_there(self) -> bool:
        """Whether others can see it; its files may have been removed."""
        return self._path(_LOCK).exists() and self._path(_SOCKET).exists()

    def knows(self, name: str) -> bool:
        """Whether that is one of the others, or somebody who only says so."""
        return name in self._others or name in self.look()

    def look(self) -> frozenset[str]:
        """Look who lives, and clear away what the dead have left. Where that cannot be told now, it
        is as it was."""
        try:
            found = [path for path in self._folder.iterdir() if path.suffix == _LOCK]
        except OSError:  # which `glob` hides, and nobody would be there
            return self._others
        living = set()
        for path in found:
            name = path.name.removesuffix(_LOCK)
            if name == self.name:
                continue
            is_locked = _is_locked(path)
            if is_locked or (is_locked is None and name in self._others):
                living.add(name)
            elif is_locked is False:
                self._clear(name)
        self._others = frozenset(living)
        return self._others

    def send(self, data: bytes, to: str) -> bool:
        """Send one message; whether it is there. One that stands still has room for a few."""
        try:
            self.socket.sendto(data, str(self._path(_SOCKET, to)))
        except OSError:  # it is full, or it is gone
            return False
        return True

    def received(self) -> Iterator[bytes]:
        """The messages that have come."""
        for _ in range(_RECEIVED_AT_ONCE):
            try:
                yield self.socket.recv(LARGEST)
            except OSError:
                return

    def close(self) -> None:
        """Leave."""
        self.socket.close()
        with self._lock:
            file, self._file = self._file, -1
            is_mine, self._is_mine = self._is_mine, False
        if is_mine:
            self._clear(self.name)
        if file >= 0:
            os.close(file)

    def abandon(self) -> None:
        """Leave to another process what was forked away from it."""
        self._is_mine = False
        self.socket.close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _path(self, suffix: str, name: str | None = None) -> Path:
        return self._folder / f"{name or self.name}{suffix}"

    def _clear(self, name: str) -> None:
        for suffix in (_SOCKET, _LOCK, _NEW):
            with suppress(OSError):
                self._path(suffix, name).unlink()


def called(name: str) -> str:
    """What people call the process of that name."""
    label, _, rest = name.partition(".")
    process = f"process {rest.partition('.')[0]}"
    return f"worker {label} ({process})" if label else process


def is_dead(folder: Path, name: str) -> bool:
    """Whether there surely is no process of that name."""
    return _is_locked(folder / f"{name}{_LOCK}") is False


def _is_locked(path: Path) -> bool | None:
    """Whether its process lives; None: that cannot be told now, as where no more files may be
    open."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(file)
    return False
