"""Group commit, for a database with one writer: who writes when another one does so is written
by the next, together with all who wait, in one transaction.

A commit waits for the disk, and that costs the same for one change as for many. Handing the turn
from thread to thread costs as much again.

Nobody waits for longer than his own time. Who writes waits for the file's lock no longer than
that, and begins no change of others after it; those whom that leaves out are written next. Who
waits for him leaves when his time is over, though his change may be under way by then.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Context
from typing import Any, Protocol

from sqlalchemy import Connection

from medianest.resilience import Clock, Deadline, remaining
from medianest.resilience.clock import as_clock
from medianest.resilience.outcome import reraise
from medianest.storage.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    DatabaseUncertainError,
)

__all__ = ["GroupCommit"]

_MOST = 64
"""Changes in one transaction: a reader of the log must not wait for ever."""

_LEAST = 0.001
"""Seconds in which a transaction fails for want of time, and not before it begins."""

Operation = Callable[[Connection], Any]


class Savepoint(Protocol):
    """What one change does within a transaction."""

    def commit(self) -> None:
        """Leave it to the transaction."""

    def rollback(self) -> None:
        """Undo it alone. Raises where all of the transaction is undone."""


class _Job:
    """One change, and what came of it."""

    __slots__ = (
        *("error", "has_left", "is_begun", "is_over", "leads"),
        *("operation", "result", "until", "woken"),
    )

    def __init__(self, operation: Operation, until: float) -> None:
        self.operation, self.until = operation, until
        self.result: Any = None
        self.error: Exception | None = None
        self.has_left = self.is_begun = self.is_over = self.leads = False
        self.woken = threading.Lock()
        self.woken.acquire()

    def outcome(self) -> Any:
        """Its result. Raises its error."""
        error, self.error = self.error, None
        if error is None:
            return self.result
        try:
            reraise(error)
        finally:
            del error  # or error and frame would keep each other


class GroupCommit:
    """Runs changes, one transaction at a time. Each gets its own result or error: what one of
    several did that fails is undone alone, so that none suffers for another.

    `transaction()` is a transaction, and `part(connection)` begins a part of it; `wait` bounds, in
    seconds, the wait for the others. When that or the caller's time is over, raises
    DatabaseBusyError where nothing was changed, and else DatabaseUncertainError. Thread-safe.
    """

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[Connection]],
        part: Callable[[Connection], Savepoint],
        wait: float,
        clock: Clock | None = None,
    ) -> None:
        self._transaction, self._part = transaction, part
        self._wait = wait
        self._clock = as_clock(clock)
        self._lock = threading.Lock()
        self._waiting: list[_Job] = []
        self._is_busy = False

    @property
    def waiting(self) -> int:
        """Changes that are to be written next."""
        return len(self._waiting)

    def run(self, operation: Operation) -> Any:
        """Do one change; it is committed when this returns."""
        job = _Job(operation, self._clock.now() + min(remaining(), self._wait))
        try:
            with self._lock:
                self._waiting.append(job)
                if not self._is_busy:
                    self._is_busy = job.leads = True
            if not job.leads and not job.woken.acquire(timeout=min(remaining(), self._wait)):
                self._leave(job)
            if not job.is_over:
                self._lead(job)
        except BaseException:  # an interrupt, at any instant: nobody may wait for this thread
            self._withdraw(job)
            raise
        return job.outcome()

    def _leave(self, job: _Job) -> None:
        """Its time is over, unless it is its turn in this very instant."""
        with self._lock:
            if job.leads or job.is_over:
                return
            self._forget(job)
            is_begun = job.is_begun
        if is_begun:
            raise DatabaseUncertainError("there was no time to learn whether it was written")
        raise DatabaseBusyError("others are writing to the database")

    def _forget(self, job: _Job) -> None:
        """Nobody waits for it: it is not begun any more, and it never leads."""
        job.has_left = True
        if job in self._waiting:
            self._waiting.remove(job)

    def _withdraw(self, job: _Job) -> None:
        with self._lock:
            self._forget(job)
            if not job.leads or job.is_over:
                return
            job.is_over = True
            self._pass_on()

    def _lead(self, own: _Job) -> None:
        """Write what waits, this thread's own change first, and wake who writes next."""
        with self._lock:
            jobs, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        try:
            left = own.until - self._clock.now()
            time = Deadline(max(left, _LEAST), name="database", clock=self._clock)
            Context().run(time.call, self._write, own, jobs)
        finally:
            self._hand_over(own, jobs)

    def _hand_over(self, own: _Job, jobs: list[_Job]) -> None:
        with self._lock:
            for job in jobs:
                if not job.is_over and (job.is_begun or job is own):  # an interrupt came between
                    job.error = DatabaseUnavailableError("the write was interrupted")
                    job.is_over = True
            self._waiting[:0] = [job for job in jobs if not job.is_over and not job.has_left]
            self._pass_on()
        for job in jobs:
            if job.is_over and job is not own:
                job.woken.release()

    def _pass_on(self) -> None:
        """Have the first of those who wait write next. Called with the lock."""
        following = self._waiting[0] if self._waiting else None
        self._is_busy = following is not None
        if following is not None:
            following.leads = True
            following.woken.release()

    def _write(self, own: _Job, jobs: list[_Job]) -> None:
        while not own.is_over:
            self._attempt(own, jobs)
            jobs = [job for job in jobs if not job.is_over]

    def _attempt(self, own: _Job, jobs: list[_Job]) -> None:
        """Write them in one transaction, as far as there is time. One that cannot be begun is the
        error of the first alone: the others may have more time. One that cannot be committed is
        the error of all. Where a change has it undone, as on a full disk, only that one is over.
        """
        begun: list[_Job] = []
        doing: _Job | None = None
        try:
            with self._transaction() as connection:
                for doing in jobs:
                    if self._begin(doing, own):
                        begun.append(doing)
                        doing.error = None
                        if doing is own:  # with it, all is undone that there is
                            doing.result = doing.operation(connection)
                        else:
                            self._do_in_part(doing, connection)
                doing = None
            ended = begun
        except Exception as error:
            ended = [doing] if doing is not None else begun or [own]
            for job in ended:
                job.error = (doing and doing.error) or (error if job is own else _again(error))
        self._end(begun, ended)

    def _begin(self, job: _Job, own: _Job) -> bool:
        """Whether it is to be done now."""
        is_late = job is not own and self._clock.now() >= own.until
        with self._lock:  # who leaves must know
            job.is_begun = not (is_late or job.has_left)
        return job.is_begun

    def _end(self, begun: list[_Job], ended: list[_Job]) -> None:
        """Some are over; what others began is undone."""
        with self._lock:
            for job in begun:
                job.is_begun = False
            for job in ended:
                job.is_over = True

    def _do_in_part(self, job: _Job, connection: Connection) -> None:
        part = self._part(connection)
        try:
            job.result = job.operation(connection)
        except Exception as error:
            job.error = error
            part.rollback()
        else:
            part.commit()


def _again(error: Exception) -> Exception:
    """The same error for another caller: of one object that several raise, the traceback would
    have the frames of them all."""
    try:
        again = copy.copy(error)
    except Exception:
        return error  # it cannot be made of its arguments
    again.__cause__, again.__context__ = error.__cause__, error.__context__
    again.__suppress_context__ = error.__suppress_context__
    return again.with_traceback(error.__traceback__)
