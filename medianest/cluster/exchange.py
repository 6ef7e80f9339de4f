"""What a host learns of the others at each look, and what it tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from medianest.cluster.entries import entry_of, override_of
from medianest.cluster.tier import MOST, Change, Tier
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.override import Override
from medianest.resilience import Clock, Deadline

__all__ = ["Exchange"]

Found = Mapping[str, Override | None]


class Exchange:
    """Between the overrides of this host and a tier, which has `within` for each of its answers.
    Used by one thread; its numbers are read by all."""

    def __init__(self, tier: Tier, keeper: OverrideKeeper, within: Deadline, clock: Clock) -> None:
        self._tier, self._keeper = tier, keeper
        self._within, self._clock = within, clock
        self.looks = self.learned = self.told = self.damaged = 0

    def look(self, *, is_news: bool) -> None:
        """Learn what is newer there, and write what is newer here; `is_news`: the others are to
        look in any case. Raises TierError."""
        with self._within.scope():
            entries = self._tier.read()
        now = self._clock.utc()
        found = {name: override_of(name, entry, now) for name, entry in entries.items()}
        self.looks += 1
        self.damaged = sum(override is None for override in found.values())
        self.learned += self._keeper.merge(self._fitting(found))
        changes = [*self._changes(entries, found)]
        with self._within.scope():
            told = self._tier.write(changes) if changes else 0
            if told or is_news:
                self._tier.wake()
        self.told += told

    def _fitting(self, found: Found) -> list[Override]:
        """No more than all together may have: names can be made up without end."""
        known = {override.breaker for override in self._keeper.words()}
        readable = [override for override in found.values() if override is not None]
        new = [override for override in readable if override.breaker not in known]
        rest = [override for override in readable if override.breaker in known]
        return rest + new[: max(0, MOST - len(known))]

    def _changes(self, entries: Mapping[str, bytes], found: Found) -> Iterator[Change]:
        """What is newer here, or damaged there; and what is of no use to anybody any more."""
        now = self._clock.utc()
        for name, override in found.items():
            if override is not None and override.is_forgettable(now):
                yield Change(name, entries[name], None)
        for word in sorted(self._keeper.words(), key=_newest)[:MOST]:
            there, entry = found.get(word.breaker), entry_of(word)
            if entry is not None and (there is None or there.rank < word.rank):
                yield Change(word.breaker, entries.get(word.breaker, b""), entry)


def _newest(override: Override) -> int:
    return -override.revision
