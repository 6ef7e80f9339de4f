"""What a host learns of the others at each look, and what it tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from medianest.cluster.entries import entry_of, override_of
from medianest.cluster.tier import MOST, Change, Tier
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.override import Override
from medianest.resilience import Deadline, Registry

__all__ = ["Exchange"]

_TIMES: Final = 3
"""How often it is tried at once, while others are writing. A second later all look again."""

Found = Mapping[str, Override | None]


class Exchange:
    """Between the overrides of a host and a tier, which has `within` for each of its answers.
    `registry` has the breakers of the host. Used by one thread; its numbers are read by all."""

    def __init__(
        self, tier: Tier, keeper: OverrideKeeper, registry: Registry, within: Deadline
    ) -> None:
        self._tier, self._keeper = tier, keeper
        self._registry, self._clock = registry, registry.clock
        self._within = within
        self.looks = self.learned = self.told = self.damaged = 0

    def look(self, *, is_news: bool) -> None:
        """Learn what is newer there, and write what is newer here; `is_news`: the others are to
        look in any case. Raises TierError."""
        told = 0
        for _ in range(_TIMES):
            changes = self._learn()
            made = self._write(changes)
            told += made
            if made == len(changes):  # nobody has written between our reading and our writing
                break
        self.looks, self.told = self.looks + 1, self.told + told
        if told or is_news:
            with self._within.scope():
                self._tier.wake()

    def _learn(self) -> list[Change]:
        """Take over what is newer there; what is to be changed there then."""
        with self._within.scope():
            entries = self._tier.read()
        now = self._clock.utc()
        found = {name: override_of(name, entry, now) for name, entry in entries.items()}
        self.damaged = sum(override is None for override in found.values())
        self.learned += self._keeper.merge(self._fitting(found))
        return [*self._changes(entries, found)]

    def _write(self, changes: list[Change]) -> int:
        if not changes:
            return 0
        with self._within.scope():
            return self._tier.write(changes)

    def _fitting(self, found: Found) -> list[Override]:
        """What concerns this host; of the rest no more than all together may have, as names can be
        made up without end."""
        known = {override.breaker for override in self._keeper.words()}
        ours, others = list[Override](), list[Override]()
        for override in found.values():
            if override is not None:
                concerns = override.breaker in known or self._has(override)
                (ours if concerns else others).append(override)
        return ours + others[: max(0, MOST - len(known))]

    def _changes(self, entries: Mapping[str, bytes], found: Found) -> Iterator[Change]:
        """What is newer here, or damaged there; and what is of no use to anybody any more."""
        now = self._clock.utc()
        for name, override in found.items():
            if override is not None and override.is_forgettable(now):
                yield Change(name, entries[name], None)
        for word in sorted(self._keeper.words(), key=self._urgency)[:MOST]:
            there, entry = found.get(word.breaker), entry_of(word)
            if entry is not None and (there is None or there.rank < word.rank):
                yield Change(word.breaker, entries.get(word.breaker, b""), entry)

    def _has(self, override: Override) -> bool:
        return self._registry.find_breaker(override.breaker) is not None

    def _urgency(self, override: Override) -> tuple[bool, int]:
        """What is told first, where not all has room: of breakers that are here, the newest."""
        return not self._has(override), -override.revision
