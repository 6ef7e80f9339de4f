"""Last good answers go from a process to the one in its place, where no Redis keeps them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from medianest.cache import bundle
from medianest.cache.packed import Packed
from medianest.jobs import Job
from medianest.peers.host import HostPeers
from medianest.resilience import Clock, MemoryLastGood
from medianest.resilience.clock import elapsed_of

__all__ = ["Handover"]

logger = logging.getLogger(__name__)

_TOPIC: Final = "last good answers"
_SUFFIX, _NEW = ".answers", ".answers.new"

_WAIT: Final = 1.0
"""Seconds that a start waits for the answers of those that live."""
_FRESH: Final = 1.0
"""Seconds within which answers are not written anew: several processes start at once."""
_KEPT: Final = 60.0
"""Seconds after which nobody wants a file any more."""


class Handover:
    """Whoever starts asks the living processes of the host for what is in `memory`, and each writes
    it into a file in `folder`. The last process writes it at its end, where `is_replaced()` says
    that another one follows. What fails costs answers, and no start."""

    def __init__(
        self,
        memory: MemoryLastGood[Packed],
        folder: Path,
        peers: HostPeers,
        clock: Clock,
        is_replaced: Callable[[], bool],
    ) -> None:
        self._memory, self._folder, self._peers = memory, folder, peers
        self._clock, self._elapsed, self._is_replaced = clock, elapsed_of(clock), is_replaced
        self._written_at = -_FRESH
        self._writes = threading.Lock()  # whoever does not get it waits for nothing
        peers.announcements.on(_TOPIC, self._lay_out, takes_time=True)

    def job(self) -> Job:
        """What is done beside the requests, after that of the peers."""
        return Job(
            name="hand over last good answers",
            run=self._clear_away,
            every=_KEPT,
            at_start=self.take_over,
            at_end=self.leave,
        )

    def take_over(self) -> None:
        """Take what the others have, and what the last one has left; of two, the newer counts."""
        self._peers.announcements.announce(_TOPIC, _WAIT)
        living = self._peers.members()
        for path in self._files(_SUFFIX):
            with suppress(OSError), path.open("rb") as file:
                for key, answer, asked_at in bundle.read(file, self._elapsed(), _KEPT):
                    self._memory.put(key, answer, asked_at)
            if path.name.removesuffix(_SUFFIX) not in living:
                _remove(path)

    def leave(self) -> None:
        """Leave what is known to the next process, if there is nobody whom it could ask."""
        if self._is_replaced() and len(self._peers.members()) == 1:
            self._write()
        else:
            _remove(self._path(_SUFFIX))

    def _lay_out(self) -> bool:
        if self._elapsed() - self._written_at < _FRESH:
            return True
        if not self._writes.acquire(blocking=False):
            return False  # it is written now, and asked for again
        try:
            self._write()
        finally:
            self._writes.release()
        return True

    def _write(self) -> None:
        found = [bundle.Kept(*each) for each in self._memory.items()]
        if not found:
            return
        new = self._path(_NEW)
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                bundle.write(file, found, self._elapsed())
            new.rename(self._path(_SUFFIX))
            self._written_at = self._elapsed()
        except OSError as error:
            logger.debug("last good answers are not handed over: %s", error)
            _remove(new)

    def _clear_away(self) -> None:
        """Also what those have left who were killed."""
        oldest = self._clock.utc().timestamp() - _KEPT
        for path in [*self._files(_SUFFIX), *self._files(_NEW)]:
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _files(self, suffix: str) -> list[Path]:
        return sorted(self._folder.glob(f"*{suffix}"))

    def _path(self, suffix: str) -> Path:
        """Of this process, as its peers call it."""
        name = next(iter(self._peers.members()), str(os.getpid()))
        return self._folder / f"{name}{suffix}"


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
