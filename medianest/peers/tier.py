"""A way by which processes know of each other, and since when it is lost."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final, Protocol

from medianest.resilience import Clock

__all__ = ["HostTier", "Tier"]

logger = logging.getLogger(__name__)


class Tier(Protocol):
    """That of one host, or one between hosts. Where it is lost, the processes of the tier below go
    on without it."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def problem(self) -> str | None:
        """Why it is lost; None: it is not."""

    @property
    def lost_since(self) -> datetime | None:
        """Since when, in UTC."""


class HostTier:
    """The folder that the processes of a host share. A problem is logged once."""

    name: Final = "host"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.problem: str | None = None
        self.lost_since: datetime | None = None

    def lose(self, problem: str) -> None:
        """It cannot be shared now."""
        if problem != self.problem:
            logger.warning("%s; each process judges alone", problem)
        self.problem, self.lost_since = problem, self.lost_since or self._clock.utc()

    def regain(self) -> None:
        """It can."""
        self.problem = self.lost_since = None
