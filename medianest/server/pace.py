"""How slow a client may be: a transfer may take long only while it gets on."""

from __future__ import annotations

from typing import Final

from medianest.resilience.clock import SYSTEM_CLOCK, Clock

__all__ = ["GRACE", "LEAST_RATE", "LITTLE_GRACE", "ClientPace"]

GRACE: Final = 10.0
"""Seconds in which nothing need come, or be taken."""

LITTLE_GRACE: Final = 2.0
"""The same when many dawdle at once and there is no room for more of them."""

LEAST_RATE: Final = 1024.0
"""Bytes a second on average, over any time that is longer: less than any phone has."""


class ClientPace:
    """One transfer that begins now: bytes that come from a client, or that it takes."""

    __slots__ = ("_clock", "_grace", "until")

    def __init__(self, grace: float = GRACE, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock, self._grace = clock, grace
        self.until = clock.now() + grace
        """When it is too slow, should nothing more move."""

    def moved(self, size: int) -> None:
        """So many bytes more. What came quickly is no excuse for a stop later."""
        self.until = min(self.until + size / LEAST_RATE, self._clock.now() + self._grace)

    def is_slow(self) -> bool:
        """Whether it would be too slow already with little grace."""
        return self.left() < self._grace - LITTLE_GRACE

    def left(self) -> float:
        """Seconds until it is too slow."""
        return self.until - self._clock.now()
