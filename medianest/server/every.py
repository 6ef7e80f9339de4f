"""When a job is done again, whatever the time of day is set to."""

from __future__ import annotations

import random as _random
from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger

__all__ = ["Every"]


class Every(BaseTrigger):  # type: ignore[misc]  # apscheduler has no types
    """Every so many seconds, and up to `jitter` more. What was missed is not made up for:
    apscheduler's own interval goes through each second of a year that the clock was set forward."""

    def __init__(
        self, seconds: float, jitter: float, random: Callable[[], float] = _random.random
    ) -> None:
        self._seconds, self._jitter, self._random = seconds, jitter, random

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The time after `previous_fire_time`; never before `now`, nor later than a whole interval
        from it."""
        interval = timedelta(seconds=self._seconds + self._jitter * self._random())
        planned = (previous_fire_time or now) + interval
        return planned if now < planned <= now + interval else now + interval
