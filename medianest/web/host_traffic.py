"""The requests of all workers of a host as one, whoever of them is asked."""

from __future__ import annotations

import logging
from typing import Any, Final

from medianest.health.traffic import Traffic
from medianest.health.traffic_document import document, read_into
from medianest.peers.board import Board
from medianest.resilience import Clock

__all__ = ["HostTraffic"]

logger = logging.getLogger(__name__)

_TOPIC: Final = "traffic"
_YOUNG: Final = 1.0
"""Seconds in which it is not asked for anew."""


class HostTraffic:
    """The sum of what the workers that share a board have counted; `own` is that of this one."""

    def __init__(self, own: Traffic, board: Board, clock: Clock) -> None:
        self._own, self._board, self._clock = own, board, clock
        board.add(_TOPIC, lambda: document(own, clock.now()), self._folded)

    def gather(self) -> Traffic:
        """That of all now; of this worker alone where nobody else is, or can be read."""
        if self._board.is_alone(_TOPIC):
            return self._own
        try:
            shown = self._board.gather(_TOPIC, younger_than=_YOUNG)
        except OSError as error:
            logger.warning("the requests of other workers cannot be read now: %s", error)
            return self._own
        whole = Traffic(self._clock)
        for each in (shown.mine, *(post.document for post in shown.others)):
            self._add(whole, each, is_over=False)
        for each in (shown.retired, *(post.document for post in shown.dead)):
            if each is not None:
                self._add(whole, each, is_over=True)
        return whole

    def _add(self, whole: Traffic, shown: Any, *, is_over: bool) -> None:
        try:
            read_into(whole, shown, self._clock.now(), is_over=is_over)
        except ValueError as error:
            logger.debug("the requests of a worker are left out: %s", error)

    def _folded(self, kept: Any, of_dead: Any) -> Any:
        whole, now = Traffic(self._clock), self._clock.now()
        for each in (kept, of_dead):
            if each is not None:
                read_into(whole, each, now, is_over=True)
        return document(whole, now, is_over=True)
