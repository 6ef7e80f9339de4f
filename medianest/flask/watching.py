"""What an app does beside its requests, in a thread of its own."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Final

from medianest.health import HealthMonitor
from medianest.jobs import Job
from medianest.resilience import Clock

__all__ = ["Watching"]

logger = logging.getLogger(__name__)

_SHORTEST, _LONGEST = 0.05, 1.0
_LAST_WAIT: Final = 5.0
"""Seconds to wait at the end for a job that runs."""
_AT_EXIT: Final = 1.0
"""The same at the end of the process."""


class Watching:
    """Does each of `jobs` again and again, and has the checks of a `monitor` run. A forked child
    begins anew; the end of the process ends it. Thread-safe."""

    def __init__(self, jobs: Sequence[Job], monitor: HealthMonitor, clock: Clock) -> None:
        self._jobs, self._monitor, self._clock = tuple(jobs), monitor, clock
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin in this process, unless it has begun."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            for job in self._jobs:
                if job.at_start is not None:
                    _quietly(job.name, job.at_start)
            self._monitor.start()
            ended = self._ended = threading.Event()
            work = threading.Thread(
                target=_work, args=(self._jobs, self._clock, ended), name="medianest", daemon=True
            )
            weakref.finalize(self, _end, ended, work)  # at the end of the process, too
            work.start()
            self._thread, self._pid = work, os.getpid()

    def stop(self) -> None:
        """Begin no job again, and wait for one that runs, at most five seconds."""
        with self._lock:
            self._pid = None
            self._ended.set()
            thread, self._thread = self._thread, None
        self._monitor.stop()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_LAST_WAIT)


def _work(jobs: Sequence[Job], clock: Clock, ended: threading.Event) -> None:
    due = {job.name: clock.now() + job.first for job in jobs}
    wait = 0.0
    while not ended.wait(wait):
        for job in jobs:
            if clock.now() >= due[job.name]:
                due[job.name] = clock.now() + job.every
                _quietly(job.name, job.run)
        wait = min(_LONGEST, max(_SHORTEST, min(due.values()) - clock.now()))
    for job in reversed(jobs):
        if job.at_end is not None:
            _quietly(job.name, job.at_end)


def _end(ended: threading.Event, work: threading.Thread) -> None:
    """Nobody has it any more. That may be found anywhere, so the thread itself ends what it does;
    the end of the process waits for that, as it ends all threads."""
    ended.set()
    if not threading.main_thread().is_alive():
        work.join(_AT_EXIT)


def _quietly(name: str, act: Callable[[], object]) -> None:
    try:
        act()
    except Exception:
        logger.exception("failed to %s", name)
