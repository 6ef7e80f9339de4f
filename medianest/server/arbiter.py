"""What gunicorn's arbiter does better here: it forgives a pause, replaces workers without a gap,
keeps a configuration that works, keeps the listener open while workers drain, and loses no signal
to a worker that is just beginning."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any, Final

from medianest.resilience.clock import SYSTEM_CLOCK

__all__ = ["ENDING", "Improvements"]

logger = logging.getLogger("gunicorn.error")

_PAUSE: Final = 5.0
"""Seconds between two looks of the arbiter at its workers that only a pause explains: it looks
every second."""

_START: Final = 30.0
"""Seconds in which new workers may start, before those that they replace end all the same."""

_STEP: Final = 0.05

_NOW: Final = (signal.SIGINT, signal.SIGQUIT)
"""Who asks for the end at once."""

ENDING: Final = frozenset({signal.SIGTERM, signal.SIGUSR2, *_NOW})
"""What tells a worker to end."""

_EARLIER: Final = 0.5
"""Seconds by which this process closes its listener before the workers do."""


class Improvements:
    """Stands in for some methods of one arbiter, which has no better place for that."""

    def __init__(self, arbiter: Any) -> None:
        self._arbiter = arbiter
        self._murder, self._manage = arbiter.murder_workers, arbiter.manage_workers
        self._kill, self._reload, self._stop = arbiter.kill_worker, arbiter.reload, arbiter.stop
        self._spawn = arbiter.spawn_worker
        self._looked = SYSTEM_CLOCK.now()
        self._forgives_until = 0.0

    def install(self) -> None:
        """Have the arbiter work in this way from now on."""
        arbiter = self._arbiter
        arbiter.murder_workers, arbiter.manage_workers = self.murder_workers, self.manage_workers
        arbiter.reload, arbiter.stop = self.reload, self.stop
        arbiter.spawn_worker = self.spawn_worker

    def murder_workers(self) -> None:
        """Kill workers that hang. After a pause of the machine or the container none: all
        processes were paused alike, and killing them would lose what they know."""
        now = SYSTEM_CLOCK.now()
        if now - self._looked > _PAUSE:
            logger.warning("all processes were paused for %.0f s", now - self._looked)
            self._forgives_until = now + self._arbiter.timeout
        self._looked = now
        if now >= self._forgives_until:
            self._murder()

    def manage_workers(self) -> None:
        """Start workers that are missing, and retire those that are too many, once the others
        serve."""
        arbiter = self._arbiter
        if len(arbiter.WORKERS) <= arbiter.num_workers:
            return self._manage()  # type: ignore[no-any-return]
        self._await_new()
        self._looked = SYSTEM_CLOCK.now()  # that took its time, and was no pause
        arbiter.kill_worker = self._retire
        try:
            self._manage()
        finally:
            del arbiter.kill_worker
        return None

    def spawn_worker(self) -> int:
        """Fork a worker; what tells it to end waits until it has handlers of its own: by those of
        the arbiter, of which it has a copy, it would be heard and forgotten."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            return self._spawn()  # type: ignore[no-any-return]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def reload(self) -> None:
        """Read the configuration again; a wrong one ends a start, but no server that runs."""
        app = self._arbiter.app
        before = dict(vars(app))
        try:
            self._reload()
        except SystemExit as error:
            if os.getpid() != self._arbiter.pid:
                raise  # the end of a worker, which was forked in there
            vars(app).update(before)
            logger.error("the configuration is wrong, so the old one is kept: %s", error)
        finally:
            self._looked = SYSTEM_CLOCK.now()

    def stop(self, graceful: bool = True) -> None:
        """Have the workers drain while the listener is open, for those who have not heard of it."""
        arbiter = self._arbiter
        drain_delay = arbiter.worker_class.drain_delay  # of the configuration that counts now
        if graceful and drain_delay > 0 and arbiter.WORKERS:
            arbiter.kill_workers(signal.SIGTERM)
            # Before the workers: what comes to a listener that only this process has is lost.
            until = SYSTEM_CLOCK.now() + max(0.0, drain_delay - _EARLIER)
            while arbiter.WORKERS and SYSTEM_CLOCK.now() < until and not self._is_told(_NOW):
                arbiter.reap_workers()
                SYSTEM_CLOCK.sleep(_STEP)
        self._stop(graceful)

    def _await_new(self) -> None:
        arbiter, until = self._arbiter, SYSTEM_CLOCK.now() + _START
        by_age = sorted(arbiter.WORKERS.values(), key=lambda worker: worker.age)
        new = by_age[-arbiter.num_workers :]
        while SYSTEM_CLOCK.now() < until and not all(map(_serves, new)):
            if self._is_told((signal.SIGTERM, *_NOW)):
                return
            arbiter.reap_workers()
            SYSTEM_CLOCK.sleep(_STEP)

    def _retire(self, pid: int, sig: int) -> None:
        self._kill(pid, signal.SIGUSR2 if sig == signal.SIGTERM else sig)

    def _is_told(self, signals: tuple[signal.Signals, ...]) -> bool:
        """Whether one of these waits for gunicorn, which goes on to see to it."""
        waiting, told = self._arbiter.SIG_QUEUE, []
        while not waiting.empty():
            told.append(waiting.get_nowait())
        for each in told:
            waiting.put_nowait(each)
        return any(each in signals for each in told)


def _serves(worker: Any) -> bool:
    """Whether its loop runs, or it has ended. The time of its file is the time of day until the
    first beat, and monotonic from then on."""
    try:
        return bool(abs(worker.tmp.last_update() - SYSTEM_CLOCK.now()) < _START)
    except (OSError, ValueError):
        return True
