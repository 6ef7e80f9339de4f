"""Alerts for people who do not look: sent to Apprise URLs, beside everything else."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections import deque
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from smtplib import SMTPException, SMTPResponseException
from typing import Any

from pydantic import SecretStr

from medianest.extras import extra
from medianest.health.alerts import Alert
from medianest.health.thresholds import Severity
from medianest.media.errors import UpstreamError
from medianest.media.failures import mapped
from medianest.resilience import Clock, ConfigurationError
from medianest.resilience.clock import as_clock

__all__ = ["Notifier", "sample_alert"]

logger = logging.getLogger(__name__)

_WAITING = 100
"""Alerts that wait for one place at most; the oldest go first."""

_ATTEMPTS = 5
_PATIENCE = 30.0
"""Seconds of one attempt; a server may drip its answer for ever."""
_WAIT, _FACTOR = 2.0, 4.0
"""Seconds after the first attempt that failed, and how many times longer after each further one:
the network may be what the alert is about. In all, nearly three minutes."""

_PLAIN_TEXT = "text"
"""As Apprise calls it: where a place takes HTML, lines stay lines, and <key> is no tag."""

_MARKS = {"resolved": "success", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


_heard: ContextVar[list[str] | None] = ContextVar("medianest-heard", default=None)
"""Why this attempt failed, as heard in any thread of it: Apprise may send in one of its own."""


class _Failures(logging.Filter):
    """Hears from Apprise why something was not sent, and keeps of that what holds no secret.
    Lets nothing through to the log: its own words tell URLs."""

    def filter(self, record: logging.LogRecord) -> bool:
        status = re.findall(r"\berror=(\d{3})\b", record.getMessage())
        error, heard = sys.exc_info()[1], _heard.get()
        if heard is not None and error is not None:
            heard.append(_why(error))
        elif heard is not None and status:
            heard.append(f"it answered {_phrased(int(status[-1]))}")
        return False


_FAILURES = _Failures()


def _why(error: BaseException) -> str:
    """In words without an address."""
    if isinstance(error, SMTPResponseException):
        return f"the mail server answered {error.smtp_code}"
    if isinstance(error, SMTPException):  # the text of which is the server's
        return type(error).__name__
    try:
        with mapped(""):
            raise error
    except UpstreamError as ours:
        return str(ours).removeprefix(": ")
    except BaseException:
        return type(error).__name__


def _phrased(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


@dataclass(slots=True)
class _Letter:
    alert: Alert
    attempts: int = 0


@dataclass(slots=True, eq=False)
class _Attempt:
    letter: _Letter
    began: float


class _Place:
    """One URL with what waits for it, so that a place that fails keeps nobody else waiting. One
    attempt at a time; of one that takes too long it is not waited for the end."""

    def __init__(self, sender: Any, number: int, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self._rests_until = float("-inf")
        # Its kind and its number: the rest of such a URL is often a secret.
        self.name = f"{sender[0].service_name or 'place'} (number {number})"
        self.waiting: deque[_Letter] = deque(maxlen=_WAITING)
        self._lock = threading.Lock()
        self._under_way: _Attempt | None = None
        self.thread: threading.Thread | None = None

    def send(self, alert: Alert) -> str | None:
        """Why it did not get there; None when it did."""
        title, body = _title(alert), _body(alert)
        mark = _MARKS["resolved" if alert.state == "resolved" else alert.severity]
        heard: list[str] = []
        _heard.set(heard)
        try:
            sent = self._sender.notify(
                body=body, title=title, notify_type=mark, body_format=_PLAIN_TEXT
            )
        except Exception as error:  # of any plugin
            logger.debug("%s raised %s", self.name, type(error).__name__)
            return type(error).__name__
        if sent:
            return None
        return heard[-1] if heard else "no reason was given"

    def add(self, alert: Alert) -> None:
        """Have it sent by and by."""
        with self._lock:
            self.waiting.append(_Letter(alert))

    def start(self) -> None:
        """Begin to send what waits, in a thread of its own, if it is time for that."""
        attempt = self._next()
        if attempt is not None:
            self.thread = threading.Thread(
                target=self._send_on, args=(attempt,), name="notify", daemon=True
            )
            self.thread.start()

    def _next(self) -> _Attempt | None:
        now = self._clock.now()
        with self._lock:
            if self._under_way is not None:
                if now - self._under_way.began < _PATIENCE:
                    return None
                self._has_failed(
                    self._under_way.letter, now, f"not finished within {_PATIENCE:g} s"
                )
            if not self.waiting or now < self._rests_until:
                return None
            letter = self.waiting[0]
            letter.attempts += 1
            self._under_way = _Attempt(letter, now)
            return self._under_way

    def _send_on(self, first: _Attempt) -> None:
        """Send one, and what waits behind it, until one cannot be sent."""
        attempt: _Attempt | None = first
        while attempt is not None:
            why = self.send(attempt.letter.alert)
            with self._lock:
                if self._under_way is not attempt:
                    return  # it took too long, and others have gone on without it
                if why is None:
                    self._under_way = None
                    self._done_with(attempt.letter)
                else:
                    self._has_failed(attempt.letter, self._clock.now(), why)
            attempt = self._next()

    def _has_failed(self, letter: _Letter, now: float, why: str) -> None:
        self._under_way = None
        if letter.attempts < _ATTEMPTS:
            self._rests_until = now + _WAIT * _FACTOR ** (letter.attempts - 1)
            return
        logger.error("could not deliver the alert %s to %s: %s", letter.alert.key, self.name, why)
        self._done_with(letter)

    def _done_with(self, letter: _Letter) -> None:
        if self.waiting and self.waiting[0] is letter:
            self.waiting.popleft()


class Notifier:
    """Sends alerts to Apprise URLs; a sink of the alert manager. Thread-safe.

    Raises ConfigurationError for a URL that Apprise does not know, or where Apprise is missing.
    """

    def __init__(self, urls: Iterable[SecretStr], clock: Clock | None = None) -> None:
        self.places: list[_Place] = []
        self._clock = as_clock(clock)
        for number, url in enumerate(urls, 1):
            self.places.append(_Place(_sender(number, url), number, self._clock))

    def __call__(self, alert: Alert) -> None:
        """Have an alert sent by the next `flush`. Waits for nothing."""
        for place in self.places:
            place.add(alert)

    def flush(self) -> None:
        """Send what waits, to each place in a thread of its own."""
        for place in self.places:
            place.start()

    def finish(self, patience: float) -> None:
        """Send what waits before the process ends, in at most so many seconds."""
        self.flush()
        until = self._clock.now() + patience
        for place in self.places:
            if place.thread is not None:
                place.thread.join(max(0.0, until - self._clock.now()))

    def send_now(self, alert: Alert) -> list[tuple[str, str | None]]:
        """Send an alert to each place in this thread; the places, and why it did not get there:
        None where it did."""
        return [(place.name, place.send(alert)) for place in self.places]


def _sender(number: int, url: SecretStr) -> Any:
    """What sends to this URL."""
    try:
        with extra("notify"):
            import apprise  # half as much as all the rest to load, and few need it
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"MEDIANEST_ALERTS_URLS: {error}") from None
    log = logging.getLogger("apprise")
    log.setLevel(logging.WARNING)
    log.addFilter(_FAILURES)
    plugin = apprise.Apprise.instantiate(url.get_secret_value())
    if not isinstance(plugin, apprise.NotifyBase):
        raise ConfigurationError(
            f"MEDIANEST_ALERTS_URLS: number {number} is no URL that Apprise knows, such as "
            f"ntfy://host/topic or mailto://user:password@host"
        )
    sender = apprise.Apprise()  # it makes of text what the place wants; a plugin does not
    sender.add(plugin)
    return sender


def sample_alert(now: datetime) -> Alert:
    """An alert about nothing, to see whether it arrives."""
    return Alert(
        rule="dependency-down",
        subject="sample",
        severity=Severity.WARNING,
        state="firing",
        message="this is a test: nothing is down",
        value=None,
        threshold=None,
        affected=(),
        advice="no action is needed",
        since=now,
        fired_at=now,
        told_at=now,
    )


def _title(alert: Alert) -> str:
    word = "resolved" if alert.state == "resolved" else alert.severity.name.lower()
    return f"MediaNest: {word}: {alert.subject}"


def _body(alert: Alert) -> str:
    if alert.resolved_at is not None:
        return f"{alert.message}\nIt lasted {_lasted(alert.resolved_at - alert.since)}."
    affected = f"\nAffected: {', '.join(alert.affected)}" if alert.affected else ""
    return f"{alert.message}\nWhat to do: {alert.advice}{affected}"


def _lasted(time: timedelta) -> str:
    seconds = round(time.total_seconds())
    return f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"
