"""One alert from its first sign to its end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Literal, get_args

from medianest.health.alerts.options import AlertOptions
from medianest.health.alerts.rule_result import Rule, RuleResult
from medianest.health.alerts.silences import Silence
from medianest.health.thresholds import Severity
from medianest.resilience.snapshot import plain

__all__ = ["SYSTEM", "Alert", "AlertState", "State"]

State = Literal["pending", "firing", "resolved"]

SYSTEM = "system"
"""The subject of what is about no dependency."""

_WELL: dict[Rule, str] = {
    "dependency-down": "{subject} is up again",
    "dependency-trouble": "{subject} works fully again",
    "error-rate": "{whose} succeed again",
    "response-time": "{whose} are answered in time again",
    "breakers-open": "the circuit breakers let calls through again",
    "memory": "memory use is normal again",
    "dead-letters": "no failed operation is left in the queue",
}


_TIMES = ("since", "fired_at", "told_at", "silenced_at", "silenced_until", "resolved_at")
_NEVER_SILENCED = {"silenced_at": None, "silenced_until": None}
"""What records of older versions lack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that somebody should know. `severity` is the worst that it has been."""

    rule: Rule
    subject: str
    severity: Severity
    state: State
    message: str
    value: float | None
    threshold: float | None
    affected: tuple[str, ...]
    advice: str
    since: datetime
    fired_at: datetime | None = None
    told_at: datetime | None = None
    """When it was told last, at its worst."""
    silenced_at: datetime | None = None
    """When it would have been told last, had no operator silenced it."""
    silenced_until: datetime | None = None
    """Until when it was silenced: what was told before then is to be told again."""
    resolved_at: datetime | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def key(self) -> str:
        """The same for all alerts about the same thing."""
        return f"{self.rule}:{self.subject}"

    @property
    def last_at(self) -> datetime:
        """When it was told last, or would have been, or was seen first."""
        told = [at for at in (self.told_at, self.silenced_at) if at is not None]
        return self.resolved_at or max(told, default=self.since)

    def urgency(self) -> tuple[int, bool, datetime]:
        """Sorts by: the worst first, then what is down, then the oldest."""
        return -self.severity, self.rule != "dependency-down", self.since

    @property
    def is_silent(self) -> bool:
        """Whether nobody is to be told of its last change."""
        return self.silenced_at == self.last_at

    def is_owed(self, now: datetime) -> bool:
        """Whether a silence has ended since it was told last, if ever."""
        until, told_at = self.silenced_until, self.told_at
        return until is not None and until <= now and (told_at is None or told_at < until)

    def over(self, now: datetime, silence: Silence | None = None, well: str | None = None) -> Alert:
        """The same when it is over; its message says what is well again, and what was not. Of one
        that nobody has heard of, nobody is told that."""
        is_silent = self.told_at is None or (silence is not None and silence.is_active(now))
        whose = "requests" if self.subject == SYSTEM else f"the calls to {self.subject}"
        well = well or _WELL[self.rule].format(subject=self.subject, whose=whose)
        message = f"{well}; before: {self.message}"
        silenced_at = now if is_silent else self.silenced_at
        return replace(
            self, state="resolved", resolved_at=now, silenced_at=silenced_at, message=message
        )

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Alert:
        """From what `as_dict` gave, of this version or of a later one. Raises KeyError, TypeError
        or ValueError for anything else."""
        record = {**_NEVER_SILENCED, **record}
        moments = {n: datetime.fromisoformat(record[n]) if record[n] else None for n in _TIMES}
        known = {each.name: record[each.name] for each in fields(cls)}
        for name, words in (("rule", get_args(Rule)), ("state", get_args(State))):
            if known[name] not in words:
                raise ValueError(f"no {name} of this version: {known[name]!r}")
        values = {**known, **moments, "affected": tuple(record["affected"])}
        return cls(**{**values, "severity": Severity[record["severity"].upper()]})

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        fields = {name: plain(value) for name, value in asdict(self).items()}
        return {**fields, "severity": self.severity.name.lower(), "affected": list(self.affected)}


class AlertState:
    """Follows one thing and says when its alert is to be told: when it has fired, when it has
    become critical, and when it is over. Not thread-safe: its manager's lock is held."""

    def __init__(self, options: AlertOptions, now: float) -> None:
        self._options = options
        self._above: dict[Severity, float] = {}
        """Since when it has been at least so bad, without a break."""
        self._well_since: float | None = None
        self._seen_at = now
        self._quiet_until = float("-inf")
        self.alert: Alert | None = None
        self.bad_at = float("-inf")
        """When it was not well for the last time, told or not."""
        self._restored = False

    def restore(self, alert: Alert) -> None:
        """Go on with what another process, or this one before it was started anew, has told."""
        if not self._is_firing:
            self.alert, self._restored = alert, True

    def record(self) -> dict[str, Any]:
        """All of it in plain JSON values, for other processes of this host, whose monotonic clock
        is the same."""
        return {
            "alert": None if self.alert is None else self.alert.as_dict(),
            "above": {level.name: since for level, since in self._above.items()},
            "well_since": self._well_since,
            "seen_at": self._seen_at,
            "quiet_until": self._quiet_until,
            "bad_at": self.bad_at,
            "restored": self._restored,
        }

    @classmethod
    def of(cls, options: AlertOptions, now: float, record: Mapping[str, Any]) -> AlertState:
        """As that of another process is. Raises KeyError, TypeError or ValueError for what is no
        `record`."""
        made, alert = cls(options, now), record["alert"]
        made.alert = None if alert is None else Alert.of(alert)
        made._above = {Severity[name]: float(at) for name, at in record["above"].items()}
        made._well_since, made._seen_at = record["well_since"], float(record["seen_at"])
        made._quiet_until, made.bad_at = float(record["quiet_until"]), float(record["bad_at"])
        made._restored = bool(record["restored"])
        return made

    def is_quiet(self, now: float) -> bool:
        """Whether nobody is told of it, as it was over so shortly ago."""
        return now < self._quiet_until

    def follow(
        self, reading: RuleResult, now: float, utc: datetime, silence: Silence | None = None
    ) -> Alert | None:
        """Take a reading; the alert when it is to be told now, or would be if the last `silence` of
        it were over."""
        passed, self._seen_at = now - self._seen_at, now
        if not reading.has_data:
            return None
        if reading.severity is not None:
            self.bad_at = now
        explained = reading.severity is not None and reading.inhibited_by is not None
        if explained and not self._is_firing:
            # The time that something else explains does not count, as if it had not passed.
            self._above = {
                level: since + passed
                for level, since in self._above.items()
                if reading.severity is not None and level <= reading.severity
            }
            return None
        severity = None if explained else reading.severity
        for level in Severity:
            if severity is not None and severity >= level:
                self._above.setdefault(level, now)
            else:
                self._above.pop(level, None)
        if severity is None:
            return self._be_well(reading, now, utc, silence)
        self._well_since = None
        return self._be_bad(reading, now, utc, silence)

    @property
    def _is_firing(self) -> bool:
        return self.alert is not None and self.alert.state == "firing"

    def _be_well(
        self, reading: RuleResult, now: float, utc: datetime, silence: Silence | None
    ) -> Alert | None:
        if not self._is_firing:
            self.alert = None
            return None
        if self._well_since is None:
            self._well_since = now
        # One that is only explained now may still be bad: a moment of doubt about another does
        # not end it.
        is_over = reading.skip_hold and reading.severity is None
        wait = 0.0 if is_over else self._options.resolve_after
        if self._restored:  # we may not have looked often enough yet to know that it is over
            wait = max(self._options.hold, wait)
        if now - self._well_since < wait:
            return None
        assert self.alert is not None
        over = self.alert.over(utc, silence)
        self.alert, self._well_since, self._restored = None, None, False
        self._quiet_until = now + self._options.cool_down
        return over

    def _be_bad(
        self, reading: RuleResult, now: float, utc: datetime, silence: Silence | None
    ) -> Alert | None:
        proven = self._proven(reading, now)
        worst = proven or reading.severity or Severity.WARNING
        known = self.alert or _new(reading, worst, utc)
        known, is_silent = _under(silence, known, utc)
        is_worse = proven is not None and (known.state == "pending" or proven > known.severity)
        is_news = is_worse or (proven is not None and known.is_owed(utc))
        if known.state == "firing":
            worst = max(known.severity, proven or known.severity)
        self.alert = _updated(known, reading, worst)
        if not is_news:
            return None
        self.alert = replace(
            self.alert,
            state="firing",
            fired_at=known.fired_at or utc,
            told_at=known.told_at if is_silent else utc,
            silenced_at=utc if is_silent else known.silenced_at,
        )
        return self.alert

    def _proven(self, reading: RuleResult, now: float) -> Severity | None:
        """How bad it has been for long enough."""
        if self.is_quiet(now):
            return None
        hold = 0.0 if reading.skip_hold else self._options.hold
        lasted = [level for level, since in self._above.items() if now - since >= hold]
        return max(lasted, default=None)


def _under(silence: Silence | None, alert: Alert, now: datetime) -> tuple[Alert, bool]:
    """An alert under the last silence of it, and whether that lasts."""
    if silence is None or silence.until_at <= alert.since:  # of another time
        return alert, False
    return replace(alert, silenced_until=silence.until_at), silence.is_active(now)


def _updated(alert: Alert, reading: RuleResult, severity: Severity) -> Alert:
    return replace(
        alert,
        severity=severity,
        message=reading.message,
        value=reading.value,
        threshold=reading.threshold,
        affected=reading.affected,
        advice=reading.advice,
    )


def _new(reading: RuleResult, severity: Severity, utc: datetime) -> Alert:
    return Alert(
        rule=reading.rule,
        subject=reading.subject,
        severity=severity,
        state="pending",
        message=reading.message,
        value=reading.value,
        threshold=reading.threshold,
        affected=reading.affected,
        advice=reading.advice,
        since=utc,
    )
