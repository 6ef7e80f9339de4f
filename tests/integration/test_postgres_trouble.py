"""PostgreSQL in trouble: no wait beyond the deadline, and one reconnect."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest
from sqlalchemy import Connection, text

from medianest.config import DatabaseSettings
from medianest.resilience import CallRefusedError, Deadline, ResilienceService
from medianest.storage import (
    DatabaseUnavailableError,
)
from tests.storage.conftest import ServedDatabase
from tests.support.postgres import PostgresProcess
from tests.support.waiting import wait_until

MARGIN = 0.25


def one(connection: Connection) -> int:
    return connection.execute(text("SELECT 1")).scalar_one()


@pytest.fixture
def own_postgres() -> Iterator[tuple[PostgresProcess, ServedDatabase]]:
    """A server that a test may freeze and kill, and a database in it for real time."""
    server = PostgresProcess()
    service = ResilienceService()
    settings = DatabaseSettings(timeout=1.0, reset_timeout=0.2, max_reset_timeout=0.2)
    database = ServedDatabase(server.url(), settings, service, threads=16)
    database.service = service
    yield server, database
    database.close()
    server.stop()


def test_a_frozen_server_is_left_at_the_deadline_and_works_again_after_it(
    own_postgres: tuple[PostgresProcess, ServedDatabase],
) -> None:
    server, database = own_postgres
    assert database.read(one) == 1
    server.freeze()
    try:
        with Deadline(1.5).scope():
            began = time.monotonic()
            with pytest.raises(DatabaseUnavailableError):
                database.read(one)
            assert time.monotonic() - began < 1.5 + MARGIN
    finally:
        server.thaw()
    assert database.read(one) == 1


def test_the_pool_recovers_when_every_connection_was_left(
    own_postgres: tuple[PostgresProcess, ServedDatabase],
) -> None:
    server, database = own_postgres

    def ask(_: int) -> int | None:
        with Deadline(0.8).scope():
            try:
                return database.read(one)
            except (DatabaseUnavailableError, CallRefusedError):
                return None

    server.freeze()
    try:
        with ThreadPoolExecutor(20) as pool:
            assert set(pool.map(ask, range(40))) == {None}
    finally:
        server.thaw()
    # Until the breaker has closed again.
    wait_until(lambda: [ask(0) for _ in range(5)] == [1] * 5)
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(40))) == {1}


def test_a_server_that_was_killed_and_started_again_costs_one_reconnect_and_no_error(
    own_postgres: tuple[PostgresProcess, ServedDatabase],
) -> None:
    server, database = own_postgres
    # Many fail at once, so that the breaker may open before one of them has reconnected; what then
    # closes it is the app's.
    database.service.registry.breaker("database").disable()
    gate = threading.Barrier(16)

    def ask(_: int) -> int:
        gate.wait()
        return database.read(one)

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(16))) == {1}
        server.kill()
        server.start()
        assert set(pool.map(ask, range(16))) == {1}
        assert set(pool.map(ask, range(16))) == {1}
    history = database.service.recovery.history.records()
    runs = [
        step.outcome for record in history for step in record.steps if step.outcome != "declined"
    ]
    assert runs.count("repaired") == 1
    assert set(runs) <= {"repaired", "shared"}


def test_the_name_of_the_database_is_looked_up_within_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keeps out: a name server that does not answer holds a thread for as long as it likes."""
    over = threading.Event()

    def hang(*args: str | int, **kwargs: Any) -> NoReturn:
        over.wait(10)
        raise socket.gaierror("at last")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    url = "postgresql://kim@database.invalid/x"
    database = ServedDatabase(url, DatabaseSettings(timeout=0.4), ResilienceService(), threads=4)
    with Deadline(0.5).scope():
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            database.read(one)
        assert time.monotonic() - began < 0.5 + MARGIN
    over.set()
