"""Metric families of all workers of a host as one, whoever of them is scraped."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any, Final

from prometheus_client import PlatformCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from medianest.metrics.sums import Sums, document, folded
from medianest.peers.board import Board
from medianest.resilience.events import state_changed
from medianest.web.core import Core
from medianest.web.metrics import Metrics

__all__ = ["HostMetrics", "OwnMetrics"]

logger = logging.getLogger(__name__)

TOPIC: Final = "figures"
_YOUNG: Final = 0.1
"""Seconds in which figures are not asked for anew; who changes its state shows it at once."""


class OwnMetrics(Collector):
    """Those of one app, and of its process; what other code of it counts is not ours to tell."""

    def __init__(self, parts: Core) -> None:
        self._collectors = Metrics(parts), ProcessCollector(registry=None), PlatformCollector(None)

    def describe(self) -> Iterable[Metric]:
        """Nothing: they are known when they are collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        for collector in self._collectors:
            yield from collector.collect()


class HostMetrics(Collector):
    """Those of the workers that share a board: what counts is summed over all who live or have
    died, gauges by their rules."""

    def __init__(self, parts: Core, board: Board) -> None:
        self._parts, self._board = parts, board
        board.add(TOPIC, self._document, folded)
        state_changed.connect(self._on_change)

    @property
    def has_company(self) -> bool:
        """Whether there are other workers now."""
        return self._board.has_company

    def describe(self) -> Iterable[Metric]:
        """Nothing: they are known when they are collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        if self._parts.lifecycle.worker is None and self._board.is_alone(TOPIC):
            return OwnMetrics(self._parts).collect()
        shown, sums = self._board.gather(TOPIC, younger_than=_YOUNG), Sums()
        living = [shown.mine, *(post.document for post in shown.others)]
        for each in sorted(living, key=_is_elected, reverse=True):
            _add(sums, each, is_alive=True)
        for each in (shown.retired, *(post.document for post in shown.dead)):
            if each is not None:
                _add(sums, each, is_alive=False)
        return sums.families()

    def _document(self) -> Any:
        families = OwnMetrics(self._parts).collect()
        worker = self._parts.lifecycle.worker
        return document(families, worker, is_elected=self._board.is_elected)

    def _on_change(self, _: object) -> None:
        self._parts.monitoring.reporter.forget()  # which may hear of it only after us
        self._board.hurry(TOPIC)


def _is_elected(shown: Any) -> bool:
    return isinstance(shown, dict) and shown.get("elected") is True


def _add(sums: Sums, shown: Any, *, is_alive: bool) -> None:
    try:
        sums.add(shown, is_alive=is_alive)
    except ValueError as error:
        logger.debug("the figures of a worker are left out: %s", error)
