"""More workers than the server has connections: each works with those it gets."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, QueuePool, text

from medianest.config import DatabaseSettings
from medianest.resilience import ResilienceService
from medianest.storage import DatabaseBusyError
from tests.storage.conftest import ServedDatabase
from tests.support.postgres import PostgresProcess

_numbers = itertools.count()


@pytest.fixture
def make_workers(postgres: PostgresProcess) -> Iterator[Callable[..., list[ServedDatabase]]]:
    """`make_workers(number, connections)` are so many; the server has so many for all of them."""
    made = []

    def make(number: int, connections: int, timeout: float = 5.0) -> list[ServedDatabase]:
        role = name = f"few_{next(_numbers)}"
        url = postgres.make_database(name).replace("postgres@", f"{role}@")
        postgres.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT {connections}")
        for _ in range(number):
            service = ResilienceService()
            made.append(ServedDatabase(url, DatabaseSettings(timeout=timeout), service, threads=40))
            made[-1].service = service
        return made

    yield make
    for database in made:
        database.close()


def work(connection: Connection) -> str:
    return connection.execute(text("SELECT pg_sleep(0.002)")).scalar_one()


def call(database: ServedDatabase, times: int = 10) -> Counter[str]:
    said: Counter[str] = Counter()
    for _ in range(times):
        try:
            database.write(work)
            said["worked"] += 1
        except Exception as error:
            said[repr(error)] += 1
    return said


def test_fewer_connections_than_a_worker_can_use_are_enough_for_it(
    make_workers: Callable[..., list[ServedDatabase]],
) -> None:
    """Keeps out: a breaker that opens, and a pool that gives up those that it has."""
    (database,) = make_workers(1, connections=2)
    with ThreadPoolExecutor(8) as pool:
        said = sum(pool.map(call, [database] * 8), Counter())
    assert said == {"worked": 80}
    assert database.service.registry.breaker("database").snapshot().totals.failures == 0


def test_more_workers_than_connections_all_work(
    make_workers: Callable[..., list[ServedDatabase]],
) -> None:
    workers = make_workers(5, connections=3)
    done = threading.Event()

    def release() -> None:  # as the job of each worker does, once a second there
        while not done.wait(0.05):
            for database in workers:
                try:
                    database.release_idle()
                except DatabaseBusyError:
                    pass

    with ThreadPoolExecutor(11) as pool:
        releasing = pool.submit(release)
        said = sum(pool.map(call, workers * 2), Counter())
        done.set()
        releasing.result(5)
    assert said == {"worked": 100}
    assert all(
        database.service.registry.breaker("database").state.value == "closed"
        for database in workers
    )


def test_who_gets_none_in_time_is_told_that_it_is_busy(
    make_workers: Callable[..., list[ServedDatabase]],
) -> None:
    one, two = make_workers(2, connections=1, timeout=1.0)
    held = one.engine.connect()
    with pytest.raises(DatabaseBusyError, match="has no connection free"):
        two.write(work)
    held.close()
    assert two.service.registry.breaker("database").snapshot().totals.failures == 0
    assert one.release_idle() == 1
    assert call(two, 1) == {"worked": 1}


def test_nothing_is_given_back_where_there_are_enough(
    make_workers: Callable[..., list[ServedDatabase]],
) -> None:
    (database,) = make_workers(1, connections=20)
    call(database, 1)
    assert database.release_idle() == 0
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedin() == 1
