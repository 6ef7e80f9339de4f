"""Leads the processes of a host to the one that is elected, which answers for all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from medianest.jobs import Job
from medianest.peers.desk import Desk
from medianest.peers.host import HostPeers
from medianest.peers.relay import Relay
from medianest.resilience import Clock

__all__ = ["Reception"]

logger = logging.getLogger(__name__)

_EVERY: Final = 1.0
_NAME: Final = "looks"


class Reception:
    """`answer(question)` is what this process says to the others while it is elected; None where
    who asks is to answer it. Thread-safe."""

    def __init__(self, peers: HostPeers, folder: Path, clock: Clock) -> None:
        self._peers = peers
        self._relay = Relay(folder / _NAME, clock)
        self._desk = Desk(folder / _NAME, lambda question: self.answer(question), clock)
        self.answer: Callable[[bytes], bytes | None] = lambda question: None

    def job(self) -> Job:
        """What is done beside the requests; it ends before this process leaves the others, so that
        the next desk is not there yet."""
        return Job(
            name="answer for the other workers",
            run=self.keep,
            every=_EVERY,
            at_end=self._desk.close,
            must_go_on=True,
        )

    def keep(self) -> None:
        """Open the desk where this process is elected, and there are others."""
        if not self._peers.is_elected or len(self._peers.members()) < 2:
            self._desk.close()
            return
        try:
            self._desk.open()
        except OSError as error:
            logger.debug("the other workers cannot ask this one: %s", error)

    def elected(self) -> Relay | None:
        """Where the elected process is asked; None: it is this one, or there are no others."""
        return None if self._peers.is_elected else self._relay
