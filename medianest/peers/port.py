"""What a breaker calls, in the threads of its calls: it leaves word for the listening thread."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from medianest.peers.places import Places
from medianest.peers.shared_breaker import SharedBreaker

__all__ = ["Port"]

_LOST: Final = 1.0
"""Seconds after which word that was left is left again."""

Later = Callable[[Callable[[float], object]], None]


class Port:
    """Between one breaker and the others' of its name. `later(act)` has the listening thread do
    `act(now)`, and there `see_to(shared, now)` to a failure, and `want(shared, now)` to probe
    instead of another host."""

    def __init__(
        self,
        shared: SharedBreaker,
        places: Places,
        now: Callable[[], float],
        later: Later,
        see_to: Callable[[SharedBreaker, float], None],
        want: Callable[[SharedBreaker, float], None],
    ) -> None:
        self._shared, self._places, self._now = shared, places, now
        self._later, self._see_to, self._want_to = later, see_to, want
        self._told_at = self._wanted_at = -math.inf
        """When word was left that is not yet heard."""

    def failed(self) -> None:
        """A call has failed. Thousands may at once: one is enough until it was seen to."""
        if self._is_heard(self._told_at) and not self._shared.owes:
            self._told_at = self._now()
            self._later(self._listened)

    def _listened(self, now: float) -> None:
        self._told_at = -math.inf
        self._see_to(self._shared, now)

    def _is_heard(self, left_at: float) -> bool:
        """Or is lost: where the others are not listened to for long, there is too much of it."""
        return left_at == -math.inf or self._now() - left_at >= _LOST

    def take_place(self) -> bool:
        """Whether one more probe may be made; who has opened alone asks nobody."""
        now = self._now()
        rounds = self._shared.rounds(now)
        if not rounds:
            return True
        if self._shared.hosts.is_barred(now):
            self._want()
            return False
        return self._places.take(rounds, self._shared.breaker.options.half_open_max_calls)

    def _want(self) -> None:
        if self._is_heard(self._wanted_at):
            self._wanted_at = self._now()
            self._later(self._wanted)

    def _wanted(self, now: float) -> None:
        self._wanted_at = -math.inf
        self._want_to(self._shared, now)

    def give_place(self) -> None:
        """One less is needed."""
        if rounds := self._shared.rounds(self._now()):
            self._places.give(rounds)

    def passed(self) -> None:
        """A probe has succeeded."""
        self._later(lambda now: self._shared.passed())
