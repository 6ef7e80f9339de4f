"""The alert manager: follows what the rules say, remembers what was told, and tells it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from medianest.health.alerts.alert import Alert, AlertState
from medianest.health.alerts.options import AlertOptions
from medianest.health.alerts.rule_result import RuleResult, worst
from medianest.health.alerts.silences import Silences
from medianest.health.events import AlertChanged
from medianest.health.traffic import PERIOD
from medianest.resilience import Clock
from medianest.resilience.clock import as_clock
from medianest.resilience.events import publish

__all__ = ["AlertManager", "Claims"]

logger = logging.getLogger(__name__)

_REMEMBERED = 200

_ASK_AGAIN = 60.0
"""Seconds after which an alert that may not be told asks again: a cool-down can end while it
lasts, and the one that told it can be gone."""


class Claims(Protocol):
    """Of several processes that see the same, which one notifies people."""

    def claim(self, alert: Alert) -> bool:
        """Keep that this process does it; False when another one has done so. May raise."""

    def claim_alone(self, alert: Alert) -> bool:
        """The same while `claim` raises."""


class _Alone:
    """There is one process."""

    def claim(self, alert: Alert) -> bool:
        return True

    claim_alone = claim


class AlertManager:
    """Evaluates alerts whenever it is told to. Thread-safe.

    `read(lately)` are the readings of now, given the keys ("rule:subject") of what was bad within
    the last minute and so still shows in its figures. What is to be told is published as an
    AlertChanged event and given to each of `sinks`, unless the `claims` say that another process
    has told it already; a sink that raises is logged and harms nobody. What one of the `silences`
    is about is published alone, and told when that is over and it still fires.
    """

    def __init__(
        self,
        options: AlertOptions,
        read: Callable[[Collection[str]], Iterable[RuleResult]],
        *,
        claims: Claims | None = None,
        silences: Silences | None = None,
        clock: Clock | Callable[[], float] | None = None,
    ) -> None:
        self._options = options
        self._read = read
        self._claims = claims if claims is not None else _Alone()
        self._clock = as_clock(clock)
        self._silences = silences if silences is not None else Silences(self._clock)
        self._tracks: dict[str, AlertState] = {}
        self._recent: dict[tuple[str, str], Alert] = {}
        self._unkept: deque[Alert] = deque(maxlen=_REMEMBERED)
        """What was told while nobody could be asked: to be claimed later, so that it is known."""
        self._refused: dict[str, float] = {}
        """Keys of what fires and may not be told, and when it was asked."""
        self._lock = threading.Lock()
        self.sinks: list[Callable[[Alert], None]] = []
        self.elsewhere: Callable[[], Iterable[RuleResult]] = list
        """What the rules say in other processes of what each sees for itself."""

    def evaluate(self) -> list[Alert]:
        """Look at everything now; the alerts that were told."""
        readings = worst([*self.readings(), *self.elsewhere()])
        with self._lock:
            news = self._follow(readings)
            news += self._asking_again(news)
        self._keep_what_was_told()
        allowed = [alert for alert in news if self._may_tell(alert)]
        for alert in allowed:
            self._publish(alert)
        told = [alert for alert in allowed if not alert.is_silent]
        for alert in told:
            self._tell(alert)
        return told

    def readings(self) -> list[RuleResult]:
        """What the rules say here now."""
        return list(self._read(self._lately_bad()))

    def records(self) -> dict[str, dict[str, Any]]:
        """How it stands with each alert, for `adopt` in another process of this host."""
        with self._lock:
            return {key: track.record() for key, track in self._tracks.items()}

    def adopt(self, records: Mapping[str, Mapping[str, Any]], known: Collection[str]) -> bool:
        """Go on with some alerts of the process that tells them, and forget all whose keys it does
        not know; whether others fire now. Raises KeyError, TypeError or ValueError for what are no
        `records`."""
        now, before = self._clock.now(), self.firing()
        adopted = {key: AlertState.of(self._options, now, each) for key, each in records.items()}
        with self._lock:
            kept = {key: track for key, track in self._tracks.items() if key in known}
            self._tracks = {**kept, **adopted}
        return before != self.firing()

    def keys(self) -> frozenset[str]:
        """The keys of everything that there can be an alert about now, "rule:subject"."""
        return frozenset(reading.key for reading in self.readings())

    def restore(self, told: Iterable[Alert]) -> None:
        """Go on with alerts that were told before this process began, or by another one."""
        with self._lock:
            for alert in told:
                fresh = AlertState(self._options, self._clock.now())
                track = self._tracks.setdefault(alert.key, fresh)
                track.restore(alert)

    def firing(self) -> list[Alert]:
        """The alerts that fire: the worst first, then what is down, then the oldest."""
        return sorted((a for a in self._alerts() if a.state == "firing"), key=Alert.urgency)

    def pending(self) -> list[Alert]:
        """What may become an alert when it lasts."""
        return [alert for alert in self._alerts() if alert.state == "pending"]

    def again(self) -> list[Alert]:
        """What is pending as it was over so shortly ago that nobody is told of it again."""
        now = self._clock.now()
        with self._lock:
            quiet = [track.alert for track in self._tracks.values() if track.is_quiet(now)]
        return [alert for alert in quiet if alert is not None and alert.state == "pending"]

    def recent(self) -> list[Alert]:
        """What was told last, newest first."""
        with self._lock:
            found = list(self._recent.values())
        return sorted(found, key=lambda alert: alert.last_at, reverse=True)

    def merge_recent(self, told: Iterable[Alert]) -> None:
        """Remember what was told by other processes, too. One that is over for another process and
        not for this one is told anew, when it may be."""
        with self._lock:
            for alert in told:
                self._remember(alert)
                if alert.resolved_at is not None and self._fires_since(
                    alert.key, alert.resolved_at
                ):
                    self._refused.setdefault(alert.key, self._clock.now())

    def _follow(self, readings: Iterable[RuleResult]) -> list[Alert]:
        now, utc, news = self._clock.now(), self._clock.utc(), []
        seen = {reading.key: reading for reading in readings}
        for key in [key for key in self._tracks if key not in seen]:  # its subject is gone
            known = self._tracks.pop(key).alert
            if known is not None and known.state == "firing":
                well = f"{known.subject} is no longer monitored"
                news.append(known.over(utc, self._silences.last(key), well))
        for key, reading in seen.items():
            if key not in self._tracks and reading.severity is None:
                continue
            track = self._tracks.setdefault(key, AlertState(self._options, now))
            told = track.follow(reading, now, utc, self._silences.last(key))
            if told is not None:
                news.append(told)
        return news

    def _remember(self, alert: Alert) -> None:
        if alert.is_silent:
            return
        self._recent[alert.id, f"{alert.state}-{alert.severity.name}"] = alert
        if len(self._recent) > _REMEMBERED:
            del self._recent[min(self._recent, key=lambda key: self._recent[key].last_at)]

    def _alerts(self) -> list[Alert]:
        with self._lock:
            return [track.alert for track in self._tracks.values() if track.alert is not None]

    def _lately_bad(self) -> frozenset[str]:
        since = self._clock.now() - PERIOD
        with self._lock:
            return frozenset(k for k, track in self._tracks.items() if track.bad_at > since)

    def _asking_again(self, news: Iterable[Alert]) -> list[Alert]:
        now, utc, keys = self._clock.now(), self._clock.utc(), {alert.key for alert in news}
        waited = [
            key
            for key, at in self._refused.items()
            if now - at >= _ASK_AGAIN and self._silences.of(key) is None
        ]
        found = [self._tracks[key].alert for key in waited if key in self._tracks.keys() - keys]
        return [replace(alert, told_at=utc) for alert in found if alert is not None]

    def _may_tell(self, alert: Alert) -> bool:
        try:
            may = self._claims.claim(alert)
        except Exception as error:  # better told twice than never
            logger.debug("cannot ask whether %s was told already: %s", alert.key, error)
            if not any(_same(alert, other) for other in self._unkept):
                self._unkept.append(alert)
            may = self._claims.claim_alone(alert)
        with self._lock:
            self._refused.pop(alert.key, None)
            track = self._tracks.get(alert.key)
            if not may and alert.state == "firing":
                self._refused[alert.key] = self._clock.now()
            elif track is not None and track.alert is not None:
                track.alert = replace(track.alert, told_at=alert.told_at)
        return may

    def _keep_what_was_told(self) -> None:
        while self._unkept:
            alert = self._unkept.popleft()
            try:
                self._claims.claim(alert)
            except Exception:
                self._unkept.append(alert)  # at the end: one that never works keeps no other
                return

    def _fires_since(self, key: str, moment: datetime) -> bool:
        """Whether an alert fires here that was told before then."""
        track = self._tracks.get(key)
        known = track.alert if track is not None else None
        return known is not None and known.state == "firing" and known.last_at < moment

    def _publish(self, alert: Alert) -> None:
        at, severity = alert.resolved_at or self._clock.utc(), alert.severity.name.lower()
        before = "pending" if alert.last_at == alert.fired_at else "firing"
        event = AlertChanged(
            alert.subject,
            alert.rule,
            severity,
            alert.state,
            alert.message,
            at,
            before,
            alert.is_silent,
            origin=id(self),
        )
        publish((event,))

    def _tell(self, alert: Alert) -> None:
        with self._lock:
            self._remember(alert)
        for sink in self.sinks:
            try:
                sink(alert)
            except Exception:
                logger.exception("a sink of alerts failed")


def _same(alert: Alert, other: Alert) -> bool:
    return all(
        getattr(alert, name) == getattr(other, name)
        for name in ("id", "state", "severity", "is_silent")
    )
