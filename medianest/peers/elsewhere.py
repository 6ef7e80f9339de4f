"""What hosts know of each other's circuit breakers.

A host is one witness: where it has found a dependency to be away, one failure here is enough to
believe it, and none is too few. Only one host probes at a time.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from medianest.peers.messages import Elsewhere
from medianest.resilience import CircuitBreakerOptions
from medianest.resilience.circuit_breaker.evidence import Evidence, joint_verdict
from medianest.resilience.circuit_breaker.joint import Opening

__all__ = ["OpenHere", "OtherHosts"]

_SAME: Final = 1.0
"""Seconds by which two accounts of one opening may differ."""
_HEARD: Final = 0.25
"""Seconds within which all processes have heard it. What has succeeded before was before it."""
_COUNTS: Final = 3.0
"""Seconds for which what was said counts: it is said again every second."""


@dataclass(frozen=True, slots=True)
class OpenHere:
    """A breaker that is open for all processes of this host; instants are those of the clock."""

    opening: Opening
    probes: int
    """How many have been begun of those that may be made now."""
    wanted_at: float
    """When a call was last refused only because it is for another host to probe."""


class OtherHosts:
    """Of one breaker. Written by the listening thread; `is_barred` is read by all."""

    def __init__(self) -> None:
        self._failed_at: float | None = None
        self._counts_from = 0.0
        self._heard_at = self._barred_until = -math.inf
        self.wanted_at = -math.inf
        """When a call of this host was last refused because it is for another one to probe."""

    def hear(self, said: Elsewhere, now: float) -> None:
        """One process of this host tells what all hosts know. Successes until now have been
        counted: of those that are not, nobody knows when they were."""
        before, self._heard_at = self._failed_at, now
        if said.failed_at is None or before is None or said.failed_at - before > _SAME:
            self._failed_at, self._counts_from = said.failed_at, now + _HEARD
        self._barred_until = min(said.barred_until, now + _COUNTS)

    def is_barred(self, now: float) -> bool:
        """Whether it is for another host to probe."""
        return now < self._barred_until

    def have_trouble(self, now: float) -> bool:
        """Whether it is open on another one."""
        return self._failed_at is not None and now - self._heard_at < _COUNTS

    def verdict(
        self, options: CircuitBreakerOptions, seen: Collection[Evidence], now: float
    ) -> str | None:
        """Why it opens by what this host has seen and the others say together; None: it does
        not. They are one process more, which has seen one failure too few."""
        if not self.have_trouble(now):
            return None
        number = max(1, options.failure_threshold - 1)
        if options.counting == "consecutive":
            elsewhere = Evidence(failed_at=(self._counts_from,) * number)
        else:
            elsewhere = Evidence(failures=max(number, options.minimum_number_of_calls - 1))
        is_away = joint_verdict(options, [*seen, elsewhere]) is not None
        return "calls fail here, too: it is open on another host" if is_away else None
