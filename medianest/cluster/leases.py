"""Whose turn it is to probe, of the hosts on which a circuit breaker is open.

The lease is taken before the wait is over, so that no call waits for it; the others are barred. A
host that has calls to probe with says so, and gets it from one that has none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from medianest.cluster.tier import Tier
from medianest.resilience import Deadline

__all__ = ["Leases", "Turn"]

_EARLY: Final = 1.5
"""Seconds before a probe is due: longer than until the next look."""
_BARRED: Final = 2.5
"""Seconds for which a host that has no lease makes no probe; it looks again before that."""
_TURN: Final = 1.0
"""Seconds for which a host may keep a lease that it does not use, while another one wants it."""
_LEASE: Final = 5.0
"""Seconds of a lease, which is renewed at each look."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A breaker that is open here: when it would be probed, how many probes were begun, whether
    this host wants to and may not, and whether another one does."""

    due: float
    probes: int
    wants: bool
    is_wanted: bool


class Leases:
    """Those of a host. Used by one thread; raises TierError."""

    def __init__(self, tier: Tier, host: Callable[[], str], within: Deadline) -> None:
        self._tier, self._host, self._within = tier, host, within
        self._held: dict[str, float] = {}
        """Since when it has which."""
        self._has_given = False

    def is_held(self, name: str) -> bool:
        """Whether this host may probe it."""
        return name in self._held

    def has_given(self) -> bool:
        """Whether one was given since this was asked last."""
        has_given, self._has_given = self._has_given, False
        return has_given

    def bars(self, turns: Mapping[str, Turn], now: float) -> dict[str, float]:
        """Until when this host must not probe each; 0: it may. It asks twice, however many they
        are."""
        soon = {name: turn for name, turn in turns.items() if turn.due - now <= _EARLY}
        self._give([name for name in self._held if not self._keeps(name, soon.get(name), now)])
        # Who has no calls leaves it to those that have.
        asked = [
            name
            for name, turn in soon.items()
            if turn.wants or not turn.is_wanted or name in self._held
        ]
        taken = self._taken(asked)
        self._held = {name: self._held.get(name, now) for name in taken}
        barred = soon.keys() - taken
        return {name: now + _BARRED if name in barred else 0.0 for name in turns}

    def _keeps(self, name: str, turn: Turn | None, now: float) -> bool:
        if turn is None:
            return False
        return not turn.is_wanted or turn.probes > 0 or now - self._held[name] < _TURN

    def _taken(self, names: Collection[str]) -> Collection[str]:
        if not names:
            return ()
        with self._within.scope():
            return self._tier.take_leases(names, self._host(), _LEASE)

    def _give(self, names: Collection[str]) -> None:
        if names:
            self._has_given = True
            for name in names:
                del self._held[name]
            with self._within.scope():
                self._tier.give_leases(names, self._host())
