"""Both databases: a SQLite file, and a PostgreSQL that these tests start."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from medianest.config import DatabaseSettings
from medianest.health.alerts import Alert
from medianest.health.thresholds import Severity
from medianest.resilience import ManualClock, ResilienceService
from medianest.storage.alert_claims import AlertClaims
from medianest.storage.database import Database
from medianest.storage.group_commit import GroupCommit
from tests.storage.alerting import WARNING, MakeClaims
from tests.storage.committing import Part, Store
from tests.support.postgres import PostgresProcess

_numbers = itertools.count()


class ServedDatabase(Database):
    """With the service at hand that protects it."""

    service: ResilienceService


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind: with the tables for who asks for `database`, else empty."""
    has_tables = "database" in request.fixturenames
    if request.param == "sqlite":
        file = tmp_path / "medianest.db"
        if has_tables:
            shutil.copy(request.getfixturevalue("migrated_file"), file)
        return f"sqlite:///{file}"
    if has_tables:
        return request.getfixturevalue("emptied_database")
    server: PostgresProcess = request.getfixturevalue("postgres")
    return server.make_database(f"test_{next(_numbers)}")


@pytest.fixture
def connect(clock: ManualClock) -> Iterator[Callable[..., ServedDatabase]]:
    """`connect(url, **settings)` is what one process has: its own service and connections."""
    made: list[ServedDatabase] = []

    def open_one(url: str, **settings: Any) -> ServedDatabase:
        options = {"timeout": 5.0, **settings}
        service = ResilienceService(clock=clock)
        database = ServedDatabase(url, DatabaseSettings(**options), service, threads=8)
        database.service = service
        made.append(database)
        return database

    yield open_one
    for database in made:
        database.close()


@pytest.fixture
def database(url: str, connect: Callable[..., ServedDatabase]) -> Database:
    """A migrated database of each kind."""
    return connect(url)


@pytest.fixture
def make_claims(tmp_path: Path, clock: ManualClock) -> MakeClaims:
    return lambda database: AlertClaims(database, 300, tmp_path / "alerts", clock)


@pytest.fixture
def journal(database: Database, make_claims: MakeClaims) -> AlertClaims:
    return make_claims(database)


@pytest.fixture
def others(
    url: str, connect: Callable[..., Database], database: Database, make_claims: MakeClaims
) -> list[AlertClaims]:
    """Claims of four more processes."""
    return [make_claims(connect(url)) for _ in range(4)]


@pytest.fixture
def fired(clock: ManualClock) -> Callable[..., Alert]:
    def make(severity: Severity = WARNING, subject: str = "plex", **fields: Any) -> Alert:
        now = clock.utc()
        told = {"since": now, "fired_at": now, "told_at": now, **fields}
        return Alert(
            rule="dependency-down", subject=subject, severity=severity, state="firing",
            message="it is down", value=None, threshold=None, affected=("GET /a",), advice="look",
            **told,
        )  # fmt: skip

    return make


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def group(store: Store) -> GroupCommit:
    return GroupCommit(store.transaction, Part, 10.0)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as pool:
        yield pool
