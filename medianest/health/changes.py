"""Since when a dependency has its status, whatever has been behind it since."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from medianest.health.dependencies import DependencyHealth
from medianest.health.status import Status

__all__ = ["Changes"]


class Changes:
    """Remembers the status that each dependency was seen with last. A breaker that goes from open
    to half open and back is news of the breaker, and none of a dependency that stays degraded.
    Two that look at once see the same, so it takes no lock."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Status, datetime | None]] = {}

    def dated(self, found: DependencyHealth, now: datetime) -> DependencyHealth:
        """The same, with the time when its status changed."""
        before = self._seen.get(found.name)
        if before is None or before[0] is not found.status:
            before = self._seen[found.name] = found.status, self._moment(found, before, now)
        return replace(found, since=before[1])

    @staticmethod
    def _moment(
        found: DependencyHealth, before: tuple[Status, datetime | None] | None, now: datetime
    ) -> datetime | None:
        """When those who look have seen it change; now, where that is older than the change
        before."""
        if before is None or before[1] is None or (found.since and found.since > before[1]):
            return found.since
        return now
