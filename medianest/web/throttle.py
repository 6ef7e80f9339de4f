"""Attempts to get in that failed: counted, told in the log, and slowed by address."""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Literal

from medianest.resilience import Clock

__all__ = [
    "AT_ONCE",
    "MOST_ADDRESSES",
    "REASONS",
    "SECONDS_EACH",
    "TELL_SECONDS",
    "TRUSTED_SECONDS",
    "Reason",
    "Throttle",
]

Reason = Literal["no_token", "wrong_token", "wrong_role", "too_many"]

events = logging.getLogger("medianest.events")

AT_ONCE: Final = 20
"""Attempts that an address may fail at in a row."""
SECONDS_EACH: Final = 3.0
"""After which it may fail at one more."""
MOST_ADDRESSES: Final = 4096
"""That are remembered; the one that has been quiet for longest goes."""
TELL_SECONDS: Final = 60.0
"""The log has an address so often at most, with how many attempts there were since."""
TRUSTED_SECONDS: Final = 86_400.0
"""So long an address is not slowed after a right token came from it."""
_MOST_LINES: Final = 20
"""Addresses that the log has in that time: who has a million of them must not fill a disk."""

_HOW: Final[Mapping[Reason, str]] = {
    "no_token": "without a token",
    "wrong_token": "with a token that is not known",
    "wrong_role": "with a token that does not allow it",
    "too_many": "with a token that was not checked, as too many were wrong",
}


REASONS: Final[Mapping[str, Reason]] = {reason: reason for reason in _HOW}
"""By their words."""


@dataclass(slots=True)
class _Attempts:
    """Of one address. The generic cell rate algorithm (ITU-T I.371): one time tells how many."""

    free_at: float
    """When the last of them is forgotten, if no more fail."""

    def wait(self, now: float) -> float:
        """Seconds until one more may fail; not above 0 if it may now."""
        return max(self.free_at, now) + SECONDS_EACH * (1 - AT_ONCE) - now

    def add(self, now: float) -> None:
        self.free_at = max(self.free_at, now) + SECONDS_EACH


@dataclass(slots=True)
class _Address:
    failed: _Attempts
    guessed: _Attempts
    """Those of them with a wrong token."""
    told_at: float
    trusted_until: float
    untold: int = 0
    reason: Reason = "no_token"

    def add(self, reason: Reason, now: float) -> float:
        """One more has failed; seconds until another one may, above 0 if that was too early."""
        wait = self.failed.wait(now)
        if wait <= 0:
            self.failed.add(now)
        if reason == "wrong_token" and self.guessed.wait(now) <= 0:
            self.guessed.add(now)
        return wait


class Throttle:
    """Whom to let wait. An address that the right token came from is not slowed, so that nobody is
    locked out who shares it with an attacker. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._counts: Counter[Reason] = Counter()
        self._lines_since, self._lines = float("-inf"), 0
        self._others_at, self._others = float("-inf"), 0
        self._lock = threading.Lock()
        self.on_failure: Callable[[str, Reason], object] = lambda name, reason: None
        """Called with the name of an address, as long as it is not slowed for it."""
        self.on_trust: Callable[[str], object] = lambda name: None
        """Called with that of one that is trusted from now on."""

    def slows(self, address: str | None) -> float | None:
        """For how many seconds no token from an address is looked at; None if one may be."""
        name, now = _who(address), self._clock.now()
        with self._lock:
            found = self._addresses.get(name)
            if found is None or now < found.trusted_until:
                return None
            wait = found.guessed.wait(now)
        return wait if wait > 0 else None

    def passed(self, address: str | None) -> None:
        """The right token came from an address."""
        name, now = _who(address), self._clock.now()
        if self._trusted(name, now):
            self.on_trust(name)

    def _trusted(self, name: str, now: float) -> bool:
        """Trust an address; whether that is news, also to those that have missed it lately."""
        with self._lock:
            found = self._known_needs_lock(name, now)
            is_news = found.trusted_until < now + TRUSTED_SECONDS - TELL_SECONDS
            if is_news:
                found.trusted_until = now + TRUSTED_SECONDS
        return is_news

    def failed(self, address: str | None, reason: Reason) -> float | None:
        """An attempt from an address has failed. How many seconds it should wait; None while it
        may go on."""
        name, now = _who(address), self._clock.now()
        with self._lock:
            self._counts[reason] += 1
            found = self._known_needs_lock(name, now)
            found.untold, found.reason = found.untold + 1, reason
            wait = found.add(reason, now)
            attempts = self._told_needs_lock(found, now)
        _tell(name, attempts, reason)
        if wait <= 0:
            self.on_failure(name, reason)
        return wait if wait > 0 else None

    def learn_failure(self, name: str, reason: Reason) -> None:
        """An attempt from an address has failed in another process, which counts it."""
        now = self._clock.now()
        with self._lock:
            self._known_needs_lock(name, now).add(reason, now)

    def learn_trust(self, name: str) -> None:
        """The right token came from an address to another process."""
        self._trusted(name, self._clock.now())

    def tell(self) -> None:
        """Log those who have not gone on, so that `failed` could not; to be called now and then."""
        told, now = [], self._clock.now()
        with self._lock:
            for name, found in self._addresses.items():
                told.append((name, self._told_needs_lock(found, now), found.reason))
            others = self._others_needs_lock(now)
        for each in told:
            _tell(*each)
        if others:
            events.warning("%d more attempts from other addresses failed", others)

    def counts(self) -> Mapping[Reason, int]:
        """Failed attempts since the start."""
        with self._lock:
            return {reason: self._counts[reason] for reason in _HOW}

    def _known_needs_lock(self, name: str, now: float) -> _Address:
        found = self._addresses.get(name)
        if found is None:
            found = self._addresses[name] = _Address(
                _Attempts(now), _Attempts(now), now - TELL_SECONDS, trusted_until=now
            )
            if len(self._addresses) > MOST_ADDRESSES:
                _, oldest = self._addresses.popitem(last=False)
                self._others += oldest.untold
        self._addresses.move_to_end(name)
        return found

    def _others_needs_lock(self, now: float) -> int:
        """How many attempts of addresses without a line of their own are to be told now."""
        if not self._others or now - self._others_at < TELL_SECONDS:
            return 0
        others, self._others, self._others_at = self._others, 0, now
        return others

    def _told_needs_lock(self, found: _Address, now: float) -> int:
        """How many attempts of an address are to be told now."""
        if not found.untold or now - found.told_at < TELL_SECONDS:
            return 0
        if now - self._lines_since >= TELL_SECONDS:
            self._lines_since, self._lines = now, 0
        attempts, found.untold, found.told_at = found.untold, 0, now
        self._lines += 1
        if self._lines <= _MOST_LINES:
            return attempts
        self._others += attempts
        return 0


def _tell(name: str, attempts: int, reason: Reason) -> None:
    if not attempts:
        return
    many = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    events.warning("%s from %s failed, the last %s", many, name, _HOW[reason])


def _who(address: str | None) -> str:
    """Of IPv6 the network of 64 bits, all of which one client has."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "a local socket"
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"
