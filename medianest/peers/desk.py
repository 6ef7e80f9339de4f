"""Where one process of a host answers the questions of the others."""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from medianest.peers.relay import ALIVE, LARGEST, LARGEST_QUESTION, LAST, MORE, PATIENCE, PIECE
from medianest.peers.wakeup import WakeUp
from medianest.resilience import Clock

__all__ = ["Desk"]

logger = logging.getLogger(__name__)

Answer = Callable[[bytes], bytes | None]

_THREADS: Final = 8
_MOST: Final = 64
"""Questions at once; who asks one more has to answer it."""
_SIGN: Final = 0.1
"""Seconds between two signs of life."""


class Desk:
    """`answer(question)` is called in a few threads; None: who asks is to answer it. One process
    at a time opens a desk at `path`. Thread-safe."""

    def __init__(self, path: Path, answer: Answer, clock: Clock) -> None:
        self._path, self._answer, self._clock = path, answer, clock
        self._open: _Open | None = None

    @property
    def is_open(self) -> bool:
        """Whether the others can ask this process."""
        opened = self._open
        return opened is not None and opened.is_at(self._path)

    def open(self) -> None:
        """Answer from now on, in the place of whoever did. Raises OSError."""
        if not self.is_open:
            self.close()
            self._open = _Open(self._path, self._answer, self._clock)
            _desks.add(self)

    def close(self) -> None:
        """Take no more questions; what is being answered is answered."""
        opened, self._open = self._open, None
        if opened is not None:
            opened.close(self._path)

    def abandon(self) -> None:
        """Leave to another process what was forked away from it."""
        opened, self._open = self._open, None
        if opened is not None:
            opened.abandon()


class _Open:
    """A desk while it is open: a thread that has the connections, and some that answer."""

    def __init__(self, path: Path, answer: Answer, clock: Clock) -> None:
        self._answer, self._clock = answer, clock
        self._socket = _listening(path)
        self._identity = path.stat()
        self._wakeup = WakeUp()
        self._ends = threading.Event()
        self._asking: dict[socket.socket, bool] = {}
        """Those who wait, and whether their answer is being made; of the thread that has them."""
        self._begun: deque[socket.socket] = deque()
        self._done: deque[socket.socket] = deque()
        self._threads = ThreadPoolExecutor(_THREADS, "relayed")
        self._thread = threading.Thread(target=self._run, name="medianest-desk", daemon=True)
        self._thread.start()

    def is_at(self, path: Path) -> bool:
        """Whether others find it there; its file may have been removed."""
        with suppress(OSError):
            return os.path.samestat(path.stat(), self._identity)
        return False

    def close(self, path: Path) -> None:
        if self.is_at(path):
            with suppress(OSError):
                path.unlink()
        self._ends.set()
        self._wakeup.call()
        self._thread.join(2 * PATIENCE)

    def abandon(self) -> None:
        self._socket.close()
        self._wakeup.close()
        for each in list(self._asking):
            each.close()

    # -- the thread that has the connections -------------------------------------------------------

    def _run(self) -> None:
        """Until the end, and until the last is answered; each ends at its deadline."""
        poll, signed = select.poll(), 0.0
        poll.register(self._socket, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while self._asking or not self._ends.is_set():
            poll.poll(1000 * _SIGN if self._asking else None)
            self._wakeup.answer()
            self._take()
            self._sort()
            now = self._clock.now()
            if now - signed >= _SIGN:
                signed = now
                self._show_life()
        self._socket.close()
        self._threads.shutdown(wait=False)
        self._wakeup.close()

    def _take(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:  # there is none, or no more files may be open
            return
        if self._ends.is_set() or len(self._asking) >= _MOST:
            connection.close()
            return
        self._asking[connection] = False
        self._threads.submit(self._serve, connection)

    def _sort(self) -> None:
        while self._begun:
            self._asking[self._begun.popleft()] = True
        while self._done:
            done = self._done.popleft()
            del self._asking[done]
            done.close()  # here alone: in another thread, its number could be somebody else's

    def _show_life(self) -> None:
        for connection, has_begun in self._asking.items():
            if has_begun:
                with suppress(OSError):
                    connection.send(ALIVE, socket.MSG_DONTWAIT)

    # -- the threads that answer -------------------------------------------------------------------

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(PATIENCE)
            question = connection.recv(LARGEST_QUESTION)
            self._begun.append(connection)
            self._send(connection, self._answer(question) if question else None)
        except OSError:  # who has asked is gone, or stands still
            pass
        except Exception:
            logger.exception("a question of another process cannot be answered")
        finally:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            self._done.append(connection)
            self._wakeup.call()

    def _send(self, connection: socket.socket, answer: bytes | None) -> None:
        if answer is None or len(answer) > LARGEST:
            return
        for begin in range(0, max(1, len(answer)), PIECE):
            is_last = begin + PIECE >= len(answer)
            connection.send((LAST if is_last else MORE) + answer[begin : begin + PIECE])


def _listening(path: Path) -> socket.socket:
    """A socket that others find at `path`, where there may be one of somebody who died."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        listening.setblocking(False)
        new.unlink(missing_ok=True)
        listening.bind(str(new))
        listening.listen(_MOST)
        new.rename(path)
    except OSError:
        listening.close()
        new.unlink(missing_ok=True)
        raise
    return listening


_desks: weakref.WeakSet[Desk] = weakref.WeakSet()


def _abandon() -> None:
    for each in list(_desks):
        each.abandon()


os.register_at_fork(after_in_child=_abandon)
