"""What others can make us log, as often as they like, is logged a few times a second."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from medianest.resilience import Clock
from medianest.resilience.clock import as_clock

__all__ = ["Seldom"]

_MOST_KINDS: Final = 64
_ALIKE: Final = 16
"""Messages that begin with so many letters alike are of one kind: some are made of what the client
sent before they are logged."""


@dataclass(slots=True)
class _Kind:
    since: float
    passed: int = 0
    left_out: int = 0


class Seldom(logging.Filter):
    """Lets at most `most` records of a kind through in a second; the next one that passes tells
    how many did not, as its `left_out`. A kind is a logger, a level and the beginning of a
    message. Critical records always pass. Thread-safe."""

    def __init__(self, most: int, clock: Clock | Callable[[], float] | None = None) -> None:
        super().__init__()
        self._most, self._clock = most, as_clock(clock)
        self._lock = threading.RLock()  # a signal handler may log in the middle of it
        self._kinds: OrderedDict[tuple[str, int, str], _Kind] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it passes."""
        if record.levelno >= logging.CRITICAL:
            return True
        now = self._clock.now()
        with self._lock:
            kind = self._kind_of(record, now)
            if now - kind.since >= 1.0:
                kind.since, kind.passed = now, 0
            if kind.passed >= self._most:
                kind.left_out += 1
                return False
            kind.passed += 1
            if kind.left_out:
                record.left_out, kind.left_out = kind.left_out, 0
        return True

    def _kind_of(self, record: logging.LogRecord, now: float) -> _Kind:
        key = record.name, record.levelno, str(record.msg)[:_ALIKE]
        kind = self._kinds.setdefault(key, _Kind(now))
        self._kinds.move_to_end(key)
        if len(self._kinds) > _MOST_KINDS:
            self._kinds.popitem(last=False)
        return kind
