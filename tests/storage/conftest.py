"""Both databases: a SQLite file, and a PostgreSQL that these tests start."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.config import DatabaseSettings
from medianest.resilience import ManualClock, ResilienceService
from medianest.storage import Database
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
