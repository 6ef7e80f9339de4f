"""A host whose processes have the places of a bulkhead together, without a process, a file or a
socket: what one says to another waits until a test delivers it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from medianest.resilience import Bulkhead, ManualClock
from medianest.resilience.shared_line import SharedLine
from tests.support.narrowing import not_none

__all__ = ["Host", "Peers"]


@dataclass
class Host:
    """Of `most` places."""

    most: int
    clock: ManualClock = field(default_factory=ManualClock)
    owned: Counter[str] = field(default_factory=Counter)
    """How many places each process has."""
    mail: list[tuple[str, str, bool]] = field(default_factory=list)
    """To whom, from whom, and whether a place is free or one is wanted."""
    lines: dict[str, SharedLine] = field(default_factory=dict)
    peers: dict[str, Peers] = field(default_factory=dict)

    def process(self, name: str, max_wait: float = 0.0, max_waiting: int | None = None) -> Bulkhead:
        """One more, whose bulkhead is one of the host's."""
        made = Bulkhead(
            "plex",
            max_concurrent=self.most,
            max_wait=max_wait,
            max_waiting=max_waiting,
            scope="host",
            clock=self.clock,
        )
        self.join(name, made)
        return made

    def join(self, name: str, bulkhead: Bulkhead) -> None:
        """From now on it is one of the host's."""
        self.lines[name], self.peers[name] = not_none(bulkhead.shared), Peers(self, name)
        self.lines[name].join(self.peers[name])

    def deliver(self) -> None:
        """All that was said, and what is said upon it."""
        while self.mail:
            self.deliver_one(0)

    def deliver_one(self, which: int) -> None:
        to, sender, is_free = self.mail.pop(which)
        line = self.lines.get(to)
        if line is not None and is_free:
            line.freed()
        elif line is not None and line.wanted(sender):
            self.mail.append((sender, to, True))

    def kill(self, name: str) -> None:
        """Its places are free at once."""
        del self.lines[name], self.owned[name]


@dataclass
class Peers:
    """Those of one process."""

    host: Host
    me: str
    asked: int = 0
    wishes: int = 0

    def take_place(self) -> bool:
        self.asked += 1
        is_free = self.host.owned.total() < self.host.most
        self.host.owned[self.me] += is_free
        return is_free

    def give_place(self, to: str | None = None) -> None:
        assert self.host.owned[self.me] > 0
        self.host.owned[self.me] -= 1
        if to is not None:
            self.host.mail.append((to, self.me, True))

    def want(self) -> None:
        self.wishes += 1
        for other in self.host.lines:
            if other != self.me:
                self.host.mail.append((other, self.me, False))

    def taken_elsewhere(self) -> int:
        return self.host.owned.total() - self.host.owned[self.me]
