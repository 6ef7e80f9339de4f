"""Hosts with a breaker each, which have a place in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from medianest.cluster.exchange import Exchange
from medianest.cluster.postgres import PostgresTier
from medianest.cluster.redis import RedisTier
from medianest.cluster.tier import Tier
from medianest.overrides.file import OverrideFile
from medianest.overrides.keeper import OverrideKeeper
from medianest.resilience import Deadline, ManualClock, Registry
from tests.cluster.hosts import PLEX, Hosts
from tests.cluster.memory import MemoryTier, Place
from tests.support.valkey import ValkeyProcess


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


@pytest.fixture(params=["memory", "redis", "redis by its socket", "postgresql"])
def make_tier(request: pytest.FixtureRequest) -> Callable[[], Tier]:
    if request.param == "memory":
        place: Place = request.getfixturevalue("place")
        return lambda: MemoryTier(place)
    if request.param == "redis":
        server: ValkeyProcess = request.getfixturevalue("valkey")
        return lambda: RedisTier(server.url)
    if request.param == "redis by its socket":
        local: ValkeyProcess = request.getfixturevalue("valkey")
        return lambda: RedisTier(f"unix://{local.socket}")
    url: str = request.getfixturevalue("emptied_database")
    return lambda: PostgresTier(url)


@pytest.fixture
def connect(make_tier: Callable[[], Tier]) -> Iterator[Callable[[], Tier]]:
    """`connect()` is the tier as one host has it."""
    made: list[Tier] = []
    with Deadline(10.0).scope():

        def open_one() -> Tier:
            made.append(make_tier())
            made[-1].connect()
            return made[-1]

        yield open_one
    for tier in made:
        tier.close()


@pytest.fixture
def raw(valkey: ValkeyProcess) -> Iterator[Redis]:
    with valkey.client() as client:
        yield client


@pytest.fixture
def make() -> Iterator[Callable[..., Hosts]]:
    """`make(hosts, **options)` are two hosts, or more, of two processes each."""
    made: list[Hosts] = []

    def make_one(hosts: int = 2, **options: Any) -> Hosts:
        made.append(Hosts(2, hosts=hosts, **PLEX | options))
        made[-1].pass_by(1.0)
        return made[-1]

    yield make_one
    for each in made:
        each.end()
