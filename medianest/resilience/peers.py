"""Breakers and bulkheads of one name in several processes: what each tells the others, and asks of
them.

A breaker decides by its own calls, at the speed of local memory, and so does a bulkhead. Where
processes share a dependency, each has peers, which learn of the others in a thread of their own and
let it know. Without them it is on its own, as most programs are.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["NO_PEERS", "BreakerPeers", "BulkheadPeers", "NoPeers"]


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


class BulkheadPeers(Protocol):
    """The others' bulkheads of one name, and the places of all. Called in the threads of calls:
    waits for nothing, and raises nothing."""

    def take_place(self) -> bool:
        """Whether this process has one more place; it has it until it gives it back or dies."""

    def give_place(self, to: str | None = None) -> None:
        """A place that was taken is everybody's, and above all of the process that wanted it."""

    def want(self) -> None:
        """A call of this process finds no place."""

    def taken_elsewhere(self) -> int:
        """How many places other processes have."""


NO_PEERS = NoPeers()
