"""A clock whose time of day can be set."""

from datetime import datetime, timedelta

from medianest.resilience import ManualClock

HOUR = 3_600.0


class SettableClock(ManualClock):
    """A clock whose time of day can be set."""

    offset = timedelta()

    def utc(self) -> datetime:
        return super().utc() + self.offset
