"""Breakers of one name in several processes: what each tells the others, and asks of them.

A breaker decides by its own calls, at the speed of local memory. Where processes share a
dependency, each breaker has a `Peers`, which learns of the others in a thread of its own and lets
the breaker know. Without them it is on its own, as most programs are.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["NO_PEERS", "BreakerPeers", "NoPeers"]


class BreakerPeers(Protocol):
    """The others' breakers of one name. Called in the threads of calls: waits for nothing, and
    raises nothing."""

    def failed(self) -> None:
        """A call of this process has failed or was slow, while the breaker was closed."""

    def take_place(self) -> bool:
        """Whether this process may make one more probe; it has the place until it gives it back,
        leaves half-open or dies."""

    def give_place(self) -> None:
        """A place that was taken is not needed."""

    def passed(self) -> None:
        """A probe of this process succeeded, and more are needed."""


class NoPeers:
    """Nobody else has such a breaker."""

    def failed(self) -> None:
        """Nobody is told."""

    def take_place(self) -> bool:
        """As many as the breaker admits."""
        return True

    def give_place(self) -> None:
        """It was nobody's."""

    def passed(self) -> None:
        """Nobody counts it."""


NO_PEERS = NoPeers()
