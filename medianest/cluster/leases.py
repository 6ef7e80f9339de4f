"""Whose turn it is to probe, of the hosts on which a circuit breaker is open.

The lease is taken before the wait is over, so that no call waits for it; the others are barred. A
host that has calls to probe with says so, and gets it from one that has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Final

from medianest.cluster.tier import Tier
from medianest.peers.elsewhere import OpenHere
from medianest.resilience import Deadline

__all__ = ["Leases"]

_EARLY: Final = 1.5
"""Seconds before a probe is due: longer than until the next look."""
_BARRED: Final = 2.5
"""Seconds for which a host that has no lease makes no probe; it looks again before that."""
_TURN: Final = 1.0
"""Seconds for which a host may keep a lease that it does not use, while another one wants it."""
_LEASE: Final = 5.0
"""Seconds of a lease, which is renewed at each look."""


class Leases:
    """Those of a host. Used by one thread; each call raises TierError."""

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

    def bar(
        self, name: str, here: OpenHere, due: float, now: float, *, wants: bool, is_wanted: bool
    ) -> float:
        """Until when this host must not probe it; 0: it may. `due` is when it would; whether it
        `wants` to and may not, and whether others do."""
        if due - now > _EARLY:
            self._give(name)
            return 0.0
        if is_wanted and not here.probes and now - self._held.get(name, math.inf) >= _TURN:
            self._give(name)
        # Who has no calls leaves it to those that have.
        may_take = wants or not is_wanted or name in self._held
        if may_take and self._has_taken(name):
            self._held.setdefault(name, now)
            return 0.0
        self._held.pop(name, None)
        return now + _BARRED

    def keep(self, names: Collection[str]) -> None:
        """Give all others."""
        for name in self._held.keys() - set(names):
            self._give(name)

    def _has_taken(self, name: str) -> bool:
        with self._within.scope():
            return self._tier.take_lease(name, self._host(), _LEASE)

    def _give(self, name: str) -> None:
        if self._held.pop(name, None) is not None:
            self._has_given = True
            with self._within.scope():
                self._tier.give_lease(name, self._host())
