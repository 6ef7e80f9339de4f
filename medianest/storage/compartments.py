"""The compartments of the database: for whom how many of its connections are.

Who calls it holds a thread, and so does who waits for a place to call it. So clients get about half
of the places that requests have, and of these not all to write; the others are refused at once.
These places are those of all workers of a host together; a worker may use all of them. All others
are each worker's, so that nobody's look or change waits for another worker, which may stand still:
those who look (viewers and operators) and operators' changes get some of the threads that clients
never get. What runs in the background has threads of its own, and is refused because of nobody.
Two connections are nobody's: they prove that the database is there when all others are in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from medianest.config import DatabaseSettings
from medianest.resilience import Bulkhead, BulkheadOptions, Pipeline, Registry
from medianest.resilience.options import Scope
from medianest.resilience.strategy import Strategy
from medianest.storage.callers import Caller

__all__ = ["SERVICE", "WRITING", "Places", "Ways"]

SERVICE: Final = "database"
WRITING: Final = "database.write"

_BACKGROUND = 6
"""At once: journals, checks, and the operations of the queue."""

_CLIENTS = 10
"""More at once would not be served faster, and each takes a connection."""

_SPARE = 2
"""Connections more than there are places."""

_OPERATORS = 1
"""Changes of operators at once."""


@dataclass(frozen=True, slots=True)
class Places:
    """How many calls may be made at once; those who write are among the clients."""

    clients: int
    writers: int
    waiting: int
    """Clients who may wait for a place to read, or to write."""
    lookers: int
    background: int

    @classmethod
    def fitting(cls, threads: int, in_flight: int, connections: int | None) -> Places:
        """Those for a worker with so many threads, of which requests of clients get `in_flight`;
        `connections` is the most that it may have, though it needs seven."""
        clients = min(_CLIENTS, max(1, in_flight // 2))
        lookers = max(1, (threads - in_flight) // 2)
        background = _BACKGROUND
        if connections is not None:
            most = connections - _SPARE
            lookers = min(lookers, max(1, most // 6))
            background = min(background, max(2, most // 3))
            clients = min(clients, max(1, most - lookers - background - _OPERATORS))
        writers = max(1, clients - max(1, clients // 5))
        return cls(clients, writers, max(1, in_flight // 6), lookers, background)

    @property
    def connections(self) -> int:
        """All that are needed."""
        return self.clients + self.lookers + _OPERATORS + self.background + _SPARE


class Ways:
    """The pipelines to the database: each caller's compartment around the `common` one."""

    def __init__(
        self,
        places: Places,
        settings: DatabaseSettings,
        registry: Registry,
        common: Strategy,
    ) -> None:
        def compartment(
            name: str, most: int, wait: float, waiting: int | None, scope: Scope = "process"
        ) -> Bulkhead:
            return registry.bulkhead(name, BulkheadOptions(most, wait, waiting, scope))

        wait, waiting, background = settings.pool_wait, places.waiting, places.background
        clients = compartment(SERVICE, places.clients, wait, waiting, "host")
        writers = compartment(WRITING, places.writers, wait, waiting, "host")
        # Who looks is let wait for a moment only: there are few threads besides those of clients.
        lookers = compartment("database.look", places.lookers, wait / 4, waiting)
        operators = compartment("database.operate", _OPERATORS, wait, 1)
        beside = compartment("database.background", background, settings.timeout, None)
        noting = compartment(
            "database.background.write", background * 2 // 3, settings.timeout, None
        )
        self._compartments = (clients, writers, lookers, operators, beside, noting)

        def way(*strategies: Strategy) -> Pipeline:
            return Pipeline(SERVICE, [*strategies, common])

        self.reading: Final[Mapping[Caller, Pipeline]] = {
            "client": way(clients),
            "operator": way(lookers),
            "background": way(beside),
        }
        self.writing: Final[Mapping[Caller, Pipeline]] = {
            "client": way(writers, clients),
            "operator": way(operators),
            "background": way(noting, beside),
        }

    @property
    def waiting(self) -> int:
        """Calls that wait for a place."""
        return sum(compartment.waiting for compartment in self._compartments)
