"""Processes of one host: each has its own registry and connections, all share the folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from medianest.config import DatabaseSettings
from medianest.overrides.file import OverrideFile
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.store import OverrideStore
from medianest.resilience import CircuitBreaker, Clock, ManualClock, Registry, ResilienceService
from medianest.storage.database import Database
from tests.overrides.clocks import SettableClock


@dataclass
class Process:
    """What one worker has."""

    registry: Registry
    database: Database
    keeper: OverrideKeeper
    store: OverrideStore
    plex: CircuitBreaker

    @property
    def state(self) -> str:
        return self.plex.state.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "overrides.json"


@pytest.fixture
def start(tmp_path: Path, path: Path, clock: ManualClock) -> Iterator[Callable[..., Process]]:
    """`start()` is a process as it is before its first request; `clock` may be another one."""
    made: list[Database] = []

    def start_one(clock: Clock = clock) -> Process:
        registry = Registry(clock=clock)
        url = f"sqlite:///{tmp_path / 'medianest.db'}"
        settings = DatabaseSettings(timeout=5.0)
        database = Database(url, settings, ResilienceService(registry), threads=8)
        made.append(database)
        store, plex = OverrideStore(database), registry.breaker("plex")
        keeper = OverrideKeeper(registry, OverrideFile(path, clock), store)
        keeper.follow()
        return Process(registry, database, keeper, store, plex)

    yield start_one
    for database in made:
        database.close()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()
