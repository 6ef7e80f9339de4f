"""A component as its checks found it, with hysteresis: one odd finding changes nothing."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from medianest.health.check import Check, CheckResult, Kind
from medianest.health.status import Status
from medianest.resilience import Criticality

__all__ = ["Change", "ComponentHealth", "ComponentTracker"]

_LATENCIES = 100
"""How many of the last checks the percentiles are made of."""

_MISSED = 3
"""After so many intervals without a check, what the last one found is no longer known."""


_TAKE_OVER = 5.0
"""Seconds in which another process goes on with the checks of one that has ended."""


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """A component at one instant. `latency_seconds` is that of its last check; `message` says
    what the last check disliked, even while that has not changed the status yet."""

    name: str
    kind: Kind
    criticality: Criticality
    status: Status
    since: datetime | None
    checked_at: datetime | None
    age_seconds: float | None
    latency_seconds: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    checks: int = 0
    """That have ended."""
    checks_took_seconds: float = 0.0
    """All of them together."""
    failures_in_a_row: int = 0
    hanging_seconds: float | None = None
    message: str | None = None
    last_failure: str | None = None
    last_failure_at: datetime | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    is_confirmed: bool = False
    """Whether the status is more than a first look: as many checks say so as it takes."""

    @property
    def is_down(self) -> bool:
        """Whether it is unhealthy, and surely so."""
        return self.status is Status.UNHEALTHY and self.is_confirmed

    @property
    def is_suspect(self) -> bool:
        """Whether its last check failed, or hangs, and it is not down yet."""
        doubted = self.failures_in_a_row > 0 or self.hanging_seconds is not None
        return doubted and not self.is_down


@dataclass(frozen=True, slots=True)
class Change:
    """A component went from one status to another."""

    name: str
    before: Status
    after: Status
    message: str | None


class ComponentTracker:
    """What is known of one component. Its monitor's lock is held around every method."""

    def __init__(self, check: Check, now: float) -> None:
        self.check = check
        self._added_at = now
        self._status = Status.UNKNOWN
        self._since = now
        self._finding: CheckResult | None = None
        self._checked_at: float | None = None
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._checks, self._took = 0, 0.0
        self._began_at: float | None = None
        self._hang_told_at: float | None = None
        self._failed: tuple[str, float] | None = None
        self._latest: deque[Status] = deque(maxlen=max(check.worse_after, check.better_after))
        self._is_confirmed = False
        self._failures = 0
        self._elsewhere_began_at: float | None = None
        """When another process began the check, which has not ended."""
        self._grace = 0.0
        """Seconds for which a finding is known longer, as another process has made it."""

    @property
    def is_recovering(self) -> bool:
        """Whether it was found better than it is told to be, and not often enough yet; or nothing
        was found out."""
        if not self._latest:
            return False
        latest = self._latest[-1]
        return latest is Status.UNKNOWN or latest.severity_rank < self._status.severity_rank

    def begin(self, now: float) -> bool:
        """A check begins; False when the one before is still running."""
        if self._began_at is not None:
            return False
        self._began_at, self._hang_told_at = now, None
        self._elsewhere_began_at = None
        return True

    def end(self, finding: CheckResult, now: float) -> Change | None:
        """A check has ended with that."""
        if self._began_at is not None:
            took = round(now - self._began_at, 6)
            self._latencies.append(took)
            self._checks, self._took = self._checks + 1, self._took + took
        self._began_at, self._checked_at, self._grace = None, now, 0.0
        return self._take(finding, now)

    def watch(self, now: float) -> Change | None:
        """A check that hangs counts as a failure, once for each interval."""
        hanging = None if self._began_at is None else self._hanging(now)
        told_at = self._hang_told_at
        if hanging is None or (told_at is not None and now - told_at < self.check.interval):
            return None
        self._hang_told_at = now
        return self._take(CheckResult(Status.UNHEALTHY, self._hangs), now)

    def take_snapshot(self, now: float, utc: datetime) -> ComponentHealth:
        """Everything that is known of it."""
        finding, hanging = self._finding, self._hanging(now)
        message = finding.message if finding is not None else None
        status, since = self._status, self._since
        age = None if self._checked_at is None else now - self._checked_at
        if hanging is not None:
            message = self._hangs
        elif self._missed(now) and finding is not None:
            status, since = Status.UNKNOWN, self._known_until
            message = "not checked any more: the monitor has stalled"
        elif finding is not None and finding.status is Status.HEALTHY is not status:
            message = message or "it answers again; another check must confirm it"
        ordered = sorted(self._latencies)
        return ComponentHealth(
            name=self.check.name,
            kind=self.check.kind,
            criticality=self.check.criticality,
            status=status,
            since=None if finding is None else _then(since, now, utc),
            checked_at=None if age is None else _then(now - age, now, utc),
            age_seconds=None if age is None else round(age, 3),
            latency_seconds=self._latencies[-1] if self._latencies else None,
            latency_p50=_nearest_rank(ordered, 0.50),
            latency_p95=_nearest_rank(ordered, 0.95),
            checks=self._checks,
            checks_took_seconds=self._took,
            failures_in_a_row=self._failures,
            hanging_seconds=hanging,
            message=message,
            last_failure=None if self._failed is None else self._failed[0],
            last_failure_at=None if self._failed is None else _then(self._failed[1], now, utc),
            detail=finding.detail if finding is not None else {},
            is_confirmed=self._is_confirmed,
        )

    def record(self) -> dict[str, Any]:
        """All of it in plain JSON values, for other processes of this host, whose monotonic clock
        is the same."""
        found, began_at = self._finding, self._began_at
        return {
            "name": self.check.name,
            "status": self._status.value,
            "since": self._since,
            "finding": None if found is None else [found.status.value, found.message, found.detail],
            "checked_at": self._checked_at,
            "began_at": began_at if began_at is not None else self._elsewhere_began_at,
            "latencies": list(self._latencies),
            "failed": self._failed,
            "latest": [status.value for status in self._latest],
            "is_confirmed": self._is_confirmed,
            "failures": self._failures,
        }

    def adopt(self, record: Mapping[str, Any]) -> Change | None:
        """Go on with what another process has found, unless more is known here. Its checks it
        counts itself. Raises KeyError, TypeError or ValueError for what is no `record`."""
        found, failed, before = record["finding"], record["failed"], self._status
        checked_at = record["checked_at"]
        if found is None or (self._checked_at or 0.0) > (checked_at or 0.0):
            return None
        word, message, detail = found
        status, latest = Status(record["status"]), [Status(each) for each in record["latest"]]
        self._finding = CheckResult(Status(word), message, detail)
        self._status, self._since = status, float(record["since"])
        self._checked_at, self._elsewhere_began_at = checked_at, record["began_at"]
        self._grace = _TAKE_OVER
        self._latencies = deque(record["latencies"], maxlen=_LATENCIES)
        self._failed = None if failed is None else (failed[0], failed[1])
        self._latest = deque(latest, maxlen=self._latest.maxlen)
        self._is_confirmed, self._failures = record["is_confirmed"], int(record["failures"])
        if status is before:
            return None
        return Change(self.check.name, before, status, message)

    def _take(self, finding: CheckResult, now: float) -> Change | None:
        before, known = self._status, self._finding
        if known is not None and not finding.detail:  # the figures that it told last still stand
            finding = replace(finding, detail=known.detail)
        self._finding = finding
        self._failures = self._failures + 1 if finding.status is Status.UNHEALTHY else 0
        if self._failures:
            self._failed = finding.message or "", now
        self._latest.append(finding.status)
        after = finding.status if before is Status.UNKNOWN else self._sure_of(before)
        if after is before:
            certain = finding.status is before and self._failures >= self.check.worse_after
            self._is_confirmed |= certain
            return None
        self._is_confirmed = before is not Status.UNKNOWN or self.check.worse_after == 1
        self._status, self._since = after, now
        return Change(self.check.name, before, after, finding.message)

    def _sure_of(self, before: Status) -> Status:
        """What all of the last findings say: the best of them if each was worse than `before`,
        the worst of them if each was better."""
        latest = [status.severity_rank for status in self._latest]
        worse, better = latest[-self.check.worse_after :], latest[-self.check.better_after :]
        if len(worse) == self.check.worse_after and min(worse) > before.severity_rank:
            return Status.of(min(worse))
        if len(better) == self.check.better_after and max(better) < before.severity_rank:
            return Status.of(max(better))
        return before

    def _hanging(self, now: float) -> float | None:
        began_at = self._began_at if self._began_at is not None else self._elsewhere_began_at
        if began_at is None or now - began_at <= self.check.timeout:
            return None
        return now - began_at

    @property
    def _hangs(self) -> str:
        return f"its check has not ended within {self.check.timeout:g} s"

    def _missed(self, now: float) -> bool:
        return now > self._known_until

    @property
    def _known_until(self) -> float:
        last = self._checked_at if self._checked_at is not None else self._added_at
        return last + _MISSED * self.check.interval + self.check.timeout + self._grace


def _then(then: float, now: float, utc: datetime) -> datetime:
    return utc - timedelta(seconds=now - then)


def _nearest_rank(ordered: list[float], share: float) -> float | None:
    return ordered[max(1, math.ceil(len(ordered) * share)) - 1] if ordered else None
