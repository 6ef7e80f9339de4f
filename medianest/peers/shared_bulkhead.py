"""Bulkheads whose places all processes of a host have together: bytes of a file, as places for
probes are. They are taken in the threads of calls; what others want is heard by the listening
thread."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from medianest.peers.messages import Freed, OfBulkheads, Wanted
from medianest.peers.places import Places
from medianest.resilience import Bulkhead, Registry
from medianest.resilience.events import BulkheadAdded, bulkhead_added
from medianest.resilience.shared_line import SharedLine

__all__ = ["SharedBulkhead", "SharedBulkheads"]

IDLE: Final = 0.25
"""Seconds after which a place that nobody has used goes back to the host."""

_EVERY: Final = 0.02
"""Seconds between two wishes for one bulkhead, unless the first was heard."""

Later = Callable[[Callable[[float], object]], None]


class SharedBulkhead:
    """One process's part of one; what its calls ask for. `later(act)` has the listening thread do
    `act(now)`; `send(message)` tells all others, `send(message, to)` one."""

    def __init__(
        self,
        bulkhead: Bulkhead,
        line: SharedLine,
        places: Places,
        later: Later,
        send: Callable[..., object],
    ) -> None:
        self.bulkhead, self.line = bulkhead, line
        self._name, self._most = bulkhead.name, bulkhead.options.max_concurrent
        self._places, self._later, self._send = places, later, send
        self._is_asking = False
        self._asked_at = -math.inf

    def take_place(self) -> bool:
        """Whether this process has one more place."""
        return self._places.take_one(self._name, self._most)

    def give_place(self, to: str | None = None) -> None:
        """One is free, above all for that process."""
        self._places.give((self._name,))
        if to is not None:
            self._later(lambda now: self._send(Freed(self._name), to))

    def want(self) -> None:
        """A call finds no place; thousands may: one is enough."""
        if not self._is_asking:
            self._is_asking = True
            self._later(self._ask)

    def taken_elsewhere(self) -> int:
        """How many places other processes have."""
        return self._places.taken_elsewhere(self._name, self._most)

    def hear(self, sender: str, message: OfBulkheads) -> None:
        """Another process wants a place, or has given one back for this one."""
        if isinstance(message, Freed):
            self._asked_at = -math.inf
            self.line.freed()
        elif self.line.wanted(sender):
            self._send(Freed(self._name), sender)

    def leave(self) -> None:
        """It is on its own again, and its places are free for the others."""
        self.line.leave()
        self._places.give_all(self._name)

    def _ask(self, now: float) -> None:
        self._is_asking = False
        if now - self._asked_at >= _EVERY:
            self._asked_at = now
            self._send(Wanted(self._name))


class SharedBulkheads:
    """Those of a registry that are the host's, while this process is one of several."""

    def __init__(self, registry: Registry, later: Later, send: Callable[..., object]) -> None:
        self._registry, self._later, self._send = registry, later, send
        self._shared: dict[str, SharedBulkhead] = {}
        self._places: Places | None = None
        self._looked = 0.0

    @property
    def are_held(self) -> bool:
        """Whether there are places that may have to be given back."""
        return any(each.line.is_held for each in list(self._shared.values()))

    def join(self, places: Places) -> None:
        """Tie together those that there are, and that are added."""
        self._places = places
        bulkhead_added.connect(self._on_added)
        for bulkhead in self._registry.bulkheads():
            self._join(bulkhead, places)

    def leave(self) -> None:
        """Each has places of its own again."""
        self._places = None
        bulkhead_added.disconnect(self._on_added)
        for each in list(self._shared.values()):
            each.leave()
        self._shared.clear()

    def begin_anew(self) -> None:
        """In a process that was forked: the places are the other's."""
        self._places = None
        for each in self._shared.values():
            each.line.begin_anew()
        self._shared.clear()

    def hear(self, sender: str, message: OfBulkheads) -> None:
        """What another process says of one of them."""
        shared = self._shared.get(message.bulkhead)
        if shared is not None:
            shared.hear(sender, message)

    def tick(self, now: float) -> None:
        """Give back what lies idle, and all of those that the registry has forgotten."""
        if now - self._looked >= IDLE:
            self._looked = now
            self._look()
            for each in list(self._shared.values()):
                each.line.give_back_idle()

    def _look(self) -> None:
        for name, shared in list(self._shared.items()):
            if self._registry.find_bulkhead(name) is not shared.bulkhead:
                shared.leave()
                if self._shared.get(name) is shared:  # and not one that was added just now
                    del self._shared[name]

    def _on_added(self, event: BulkheadAdded) -> None:
        bulkhead, places = self._registry.find_bulkhead(event.name), self._places
        if bulkhead is not None and places is not None:
            self._join(bulkhead, places)

    def _join(self, bulkhead: Bulkhead, places: Places) -> None:
        line, known = bulkhead.shared, self._shared.get(bulkhead.name)
        if line is not None and (known is None or known.bulkhead is not bulkhead):
            shared = SharedBulkhead(bulkhead, line, places, self._later, self._send)
            self._shared[bulkhead.name] = shared
            line.join(shared)
