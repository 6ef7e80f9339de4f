"""The background of a monitor in a program without a scheduler: a thread that says what is due."""

from __future__ import annotations

import logging
import os
import random
import threading
from typing import TYPE_CHECKING, Final

from medianest.resilience import Clock

if TYPE_CHECKING:
    from medianest.health.monitor import HealthMonitor

__all__ = ["Background"]

logger = logging.getLogger(__name__)

_BEAT_SECONDS: Final = 1.0
_SHORTEST: Final = 0.01

_JITTER: Final = 0.1
"""Many programs must not ask one service at the same instant."""


class Background:
    """Runs each check of a monitor when its interval is over, in a thread of its own: one that
    hangs keeps no other waiting. Thread-safe."""

    def __init__(self, monitor: HealthMonitor, clock: Clock) -> None:
        self._monitor = monitor
        self._clock = clock
        # A collection of garbage may stop it in the midst of anything that its own thread does.
        self._lock = threading.RLock()
        self._pid: int | None = None
        self._ended = threading.Event()
        self._beating: threading.Thread | None = None
        self._running: list[threading.Thread] = []
        self._due: dict[str, float] = {}

    def start(self) -> None:
        """Begin in this process, unless it has begun."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            ended = self._ended = threading.Event()
            self._due.clear()
            self._running.clear()
            self._beating = threading.Thread(
                target=self._beat, args=(ended,), name="health-monitor", daemon=True
            )
            self._beating.start()
            self._pid = os.getpid()

    def stop(self, patience: float) -> None:
        """Begin no further check, and wait at most so many seconds for those that run."""
        with self._lock:
            self._pid = None
            self._ended.set()
            beating, self._beating = self._beating, None
        until = self._clock.now() + patience
        for thread in [beating, *self._running]:
            if thread is not None and thread is not threading.current_thread():
                thread.join(max(0.0, until - self._clock.now()))

    def step(self) -> float:
        """Do what is due now. Returns the seconds until the next step."""
        now, monitor = self._clock.now(), self._monitor
        monitor.beat()
        checks = {check.name: check for check in monitor.checks()}
        doubtful = monitor.recovering()
        self._due = {name: due for name, due in self._due.items() if name in checks}
        for name, check in checks.items():
            if now >= self._due.get(name, now) or name in doubtful:
                self._due[name] = now + check.interval * (1 + _JITTER * random.random())
                self._run(name)
        shortest = min((check.interval for check in checks.values()), default=_BEAT_SECONDS)
        return max(_SHORTEST, min(_BEAT_SECONDS, shortest))

    def _beat(self, ended: threading.Event) -> None:
        wait = _BEAT_SECONDS
        while not ended.is_set():
            try:
                wait = self.step()
            except Exception:  # of a listener, or no thread to be had: the next step may do better
                logger.exception("the health monitor could not run its checks")
            ended.wait(wait)

    def _run(self, name: str) -> None:
        thread = threading.Thread(target=self._look, args=(name,), name=f"check-{name}")
        thread.daemon = True
        thread.start()
        self._running = [*filter(threading.Thread.is_alive, self._running), thread]

    def _look(self, name: str) -> None:
        try:
            self._monitor.run(name)
        except Exception:
            logger.exception("a listener failed when the health of %s changed", name)
