"""Hosts with a breaker each, which have a place in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medianest.cluster.exchange import Exchange
from medianest.overrides.file import OverrideFile
from medianest.overrides.keeper import OverrideKeeper
from medianest.resilience import Deadline, ManualClock, Registry
from tests.cluster.memory import MemoryTier, Place


class Host:
    """What the elected process of one host has."""

    def __init__(self, folder: Path, tier: MemoryTier, clock: ManualClock) -> None:
        self.registry = Registry(clock=clock)
        self.plex = self.registry.breaker("plex")
        self.file = OverrideFile(folder / "overrides.json", clock)
        self.keeper = OverrideKeeper(self.registry, self.file)
        self.keeper.follow()
        self.tier = tier
        within = Deadline(1.0, name="cluster", clock=clock)
        self.exchange = Exchange(tier, self.keeper, self.registry, within)

    @property
    def state(self) -> str:
        return self.plex.state.value

    def look(self) -> None:
        self.exchange.look(is_news=False)

    def words(self) -> list[tuple[str, str]]:
        return [(each.breaker, each.action) for each in self.keeper.words()]


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    yield place
    for tier in place.tiers:
        tier.end()


@pytest.fixture
def start(tmp_path: Path, clock: ManualClock, place: Place) -> Callable[[str], Host]:
    """`start(name)` is a host as it is after its start, with the file that it had before."""
    return lambda name: Host(tmp_path / name, MemoryTier(place), clock)
