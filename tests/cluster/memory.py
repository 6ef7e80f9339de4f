"""What hosts have in common, in memory: test_tiers holds it to what the real ones do."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from medianest.cluster.tier import FORGOTTEN, LARGEST, Change, TierError
from medianest.resilience import Clock
from medianest.resilience.clock import SYSTEM_CLOCK

__all__ = ["MemoryTier", "Place"]


class Place:
    """Several tiers may have it."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self.clock = clock
        self.entries: dict[str, bytes] = {}
        self.reports: dict[str, tuple[float, bytes]] = {}
        self.leases: dict[str, tuple[str, float]] = {}
        self.is_away = False
        self.tiers: list[MemoryTier] = []


class MemoryTier:
    """A Tier in a place."""

    name = "memory"

    def __init__(self, place: Place) -> None:
        self.place = place
        self.calls: list[str] = []
        self._reads, self.bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        place.tiers.append(self)

    def connect(self) -> None:
        self._ask("connect")

    def read(self) -> Mapping[str, bytes]:
        self._ask("read")
        return {name: self._seen(name) for name in self.place.entries}

    def write(self, changes: Collection[Change]) -> int:
        self._ask("write")
        fitting = [each for each in changes if self._seen(each.name) == each.seen]
        for each in fitting:
            if each.entry is None:
                del self.place.entries[each.name]
            else:
                self.place.entries[each.name] = each.entry
        return len(fitting)

    def report(self, host: str, entry: bytes | None) -> Mapping[str, tuple[float, bytes]]:
        self._ask("report")
        now = self.place.clock.now()
        found = {
            name: (now - at, kept)
            for name, (at, kept) in self.place.reports.items()
            if len(kept) <= LARGEST and 0 <= now - at < FORGOTTEN
        }
        self.place.reports.pop(host, None)
        if entry is not None:
            self.place.reports[host] = now, entry
        return found

    def take_leases(self, names: Collection[str], host: str, seconds: float) -> Collection[str]:
        self._ask("take leases")
        return {name for name in names if self._has_taken(name, host, seconds)}

    def _has_taken(self, name: str, host: str, seconds: float) -> bool:
        now = self.place.clock.now()
        holder, until = self.place.leases.get(name, (host, 0.0))
        if holder != host and now < until <= now + seconds:
            return False
        self.place.leases[name] = host, now + seconds
        return True

    def give_leases(self, names: Collection[str], host: str) -> None:
        self._ask("give leases")
        for name in names:
            if self.place.leases.get(name, ("", 0.0))[0] == host:
                del self.place.leases[name]

    def wake(self) -> None:
        self._ask("wake")
        for each in self.place.tiers:
            if each is not self:
                os.write(each.bell, b"\0")

    def fileno(self) -> int:
        return self._reads

    def is_woken(self) -> bool:
        self._ask("is woken")
        try:
            return bool(os.read(self._reads, 4096))
        except BlockingIOError:
            return False

    def close(self) -> None:
        self.calls.append("close")

    def abandon(self) -> None:
        self.calls.append("abandon")

    def end(self) -> None:
        """Be rid of it."""
        os.close(self._reads)
        os.close(self.bell)

    def _ask(self, what: str) -> None:
        self.calls.append(what)
        if self.place.is_away:
            raise TierError("it is away")

    def _seen(self, name: str) -> bytes:
        entry = self.place.entries.get(name, b"")
        return entry if len(entry) <= LARGEST else b""
