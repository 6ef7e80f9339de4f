"""What a breaker calls, in the threads of its calls: it leaves word for the listening thread."""

from __future__ import annotations

from collections.abc import Callable

from medianest.peers.places import Places
from medianest.peers.shared_breaker import SharedBreaker

__all__ = ["Port"]

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
        self._is_told = self._has_wanted = False

    def failed(self) -> None:
        """A call has failed. Thousands may at once: one is enough until it was seen to."""
        if not self._is_told and not self._shared.owes:
            self._is_told = True
            self._later(self._listened)

    def _listened(self, now: float) -> None:
        self._is_told = False
        self._see_to(self._shared, now)

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
        if not self._has_wanted:
            self._has_wanted = True
            self._later(self._wanted)

    def _wanted(self, now: float) -> None:
        self._has_wanted = False
        self._want_to(self._shared, now)

    def give_place(self) -> None:
        """One less is needed."""
        if rounds := self._shared.rounds(self._now()):
            self._places.give(rounds)

    def passed(self) -> None:
        """A probe has succeeded."""
        self._later(lambda now: self._shared.passed())
