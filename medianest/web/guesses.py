"""Who guesses tokens is slowed by all processes of a host, whichever of them is asked."""

from __future__ import annotations

import threading
from typing import Any, Final

from medianest.peers.host import HostPeers
from medianest.resilience import Clock
from medianest.web.throttle import REASONS, Reason, Throttle

__all__ = ["share_guesses"]

_FAILED, _TRUSTED = "failed attempts", "trusted addresses"

_EVERY, _BURST = 0.02, 40.0
"""Seconds between two messages in the long run, and how many there may be at once: whoever comes
from a million addresses must not drown what else the processes tell each other."""


class _Pace:
    """The generic cell rate algorithm, as in Throttle. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at = float("-inf")
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Whether one more message may be sent now."""
        now = self._clock.now()
        with self._lock:
            free_at = max(self._free_at, now) + _EVERY
            if free_at - now > _EVERY * _BURST:
                return False
            self._free_at = free_at
        return True


def share_guesses(throttle: Throttle, peers: HostPeers, clock: Clock) -> None:
    """Have a throttle know of what fails, and of who is trusted, in other processes."""
    pace, bulletins = _Pace(clock), peers.bulletins

    def tell_failure(name: str, reason: Reason) -> None:
        if pace.allows():
            bulletins.tell(_FAILED, {"address": name, "reason": reason})

    def tell_trust(name: str) -> None:
        bulletins.tell(_TRUSTED, {"address": name})

    def hear_failure(sender: str, body: dict[str, Any]) -> None:
        throttle.learn_failure(_address(body), REASONS[body["reason"]])

    def hear_trust(sender: str, body: dict[str, Any]) -> None:
        throttle.learn_trust(_address(body))

    throttle.on_failure, throttle.on_trust = tell_failure, tell_trust
    bulletins.on(_FAILED, hear_failure)
    bulletins.on(_TRUSTED, hear_trust)


_LONGEST: Final = 60


def _address(body: dict[str, Any]) -> str:
    name = body["address"]
    if not isinstance(name, str) or len(name) > _LONGEST:
        raise ValueError(name)
    return name
