"""The way of log lines out of the process, on which nobody who logs ever waits.

A pipe that nobody reads, a disk that is full or hangs: each would keep the thread that logs, and
with it the request that the thread serves, for as long as it lasts.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import weakref
from collections import deque
from functools import partial
from typing import Final, TextIO

from medianest.health.log import LOG, LogTally
from medianest.resilience.counted import counted

__all__ = ["Outlet"]

_MOST_BYTES: Final = 4 * 2**20
_RESERVED_BYTES: Final = 2**18
"""For critical records, when all other places are taken."""
_LINE_BYTES: Final = 100
"""What a line takes besides its text, about."""
_CRITICAL_SECONDS: Final = 0.5
_FLUSH_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 1.0


class Outlet(logging.Handler):
    """Writes lines to a stream in a thread of its own, which begins with the first line, and anew
    in a forked process.

    Who logs formats the record and goes on. Lines keep their order. What finds no place among
    those that wait (4 MiB), or cannot be written, is dropped and counted; when it works again, a
    line says how many were. A critical record finds its place, and is given half a second to get
    out, as the process may end with it.
    """

    def __init__(self, stream: TextIO | None, tally: LogTally = LOG) -> None:
        super().__init__()
        self._stream, self._tally = stream, tally
        self._begin()
        os.register_at_fork(after_in_child=partial(_begin_anew, weakref.ref(self)))

    def _begin(self) -> None:
        # Reentrant, as a signal handler may log in the middle of it.
        self._changed = threading.Condition(threading.RLock())
        self._lines: deque[bytes] = deque()
        self._bytes = self._put = self._done = self._untold = 0
        self._works, self._is_torn, self._ended = True, False, False
        self._thread: threading.Thread | None = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Pass on what the filters let through; logging's own would do so one at a time."""
        passes = bool(self.filter(record))
        if passes:
            self.emit(record)
        return passes

    def emit(self, record: logging.LogRecord) -> None:
        """Have a record written soon."""
        line, is_critical = self._line_of(record), record.levelno >= logging.CRITICAL
        with self._changed:
            most = _MOST_BYTES + (_RESERVED_BYTES if is_critical else 0)
            if self._bytes + len(line) + _LINE_BYTES > most:
                self._drop()
                return
            self._bytes += len(line) + _LINE_BYTES
            self._lines.append(line)
            self._put += 1
            self._changed.notify_all()
            self._ensure_writer_needs_lock()
        if is_critical:
            self._wait(_CRITICAL_SECONDS)

    def flush(self) -> None:
        """Wait until all that was logged is written, for a second at most."""
        self._wait(_FLUSH_SECONDS)

    def close(self) -> None:
        """Have the thread end when nothing waits any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        super().close()

    def _wait(self, seconds: float) -> None:
        with self._changed:
            last = self._put
            self._changed.wait_for(lambda: self._done >= last, seconds)

    def _line_of(self, record: logging.LogRecord) -> bytes:
        try:
            text = self.format(record)
        except Exception as error:  # arguments that do not fit, say
            text = self.format(_told(record.levelno, "%r cannot be told: %s", record.msg, error))
        return text.encode(errors="backslashreplace") + b"\n"

    def _drop(self) -> None:
        self._untold += 1
        self._tally.note_dropped()

    # -- the writer ----------------------------------------------------------------------------

    def _ensure_writer_needs_lock(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads now: the next record tries it again
            self._thread = None

    def _run(self) -> None:
        while (line := self._next()) is not None:
            self._works = self._attempt(line)
            self._tell_dropped()
            self._settle()

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._ended)
            return self._lines[0] if self._lines else None

    def _attempt(self, line: bytes) -> bool:
        self._tally.note_begun()
        try:
            self._write(line)
        except (OSError, ValueError):  # a closed stream is a ValueError
            return False
        finally:
            self._tally.note_ended()
        return True

    def _tell_dropped(self) -> None:
        """Once it works again, and nothing waits any more: not between all that still does."""
        with self._changed:
            untold = self._untold if self._works and len(self._lines) == 1 else 0
        many = counted(untold, "log record was", "log records were")
        told = _told(logging.WARNING, "%s dropped", many)
        if untold and self._attempt(self._line_of(told)):
            with self._changed:
                self._untold -= untold

    def _settle(self) -> None:
        with self._changed:
            self._bytes -= len(self._lines.popleft()) + _LINE_BYTES
            self._done += 1
            if not self._works:
                self._drop()
            self._changed.notify_all()

    def _write(self, line: bytes) -> None:
        if self._stream is None:
            raise ValueError("there is no stream")
        descriptor = self._stream.fileno()
        left = memoryview(b"\n" + line if self._is_torn else line)
        while left:
            try:
                written = os.write(descriptor, left)
            except BlockingIOError:  # somebody else who has it made it so
                select.select((), (descriptor,), (), _LOOK_SECONDS)
                continue
            left = left[written:]
            self._is_torn = bool(left)


def _told(level: int, message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("medianest.logs", level, __file__, 0, message, args, None)


def _begin_anew(found: weakref.ref[Outlet]) -> None:
    """In a forked process: the lines that wait are its parent's, as is the thread."""
    outlet = found()
    if outlet is not None:
        outlet._begin()
        outlet._tally.restart()
