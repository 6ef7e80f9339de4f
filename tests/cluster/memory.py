"""What hosts have in common, in memory: test_tiers holds it to what the real ones do."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from medianest.cluster.tier import LARGEST, Change, TierError

__all__ = ["MemoryTier", "Place"]


class Place:
    """Several tiers may have it."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
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
