"""For whom how many of the database's connections are, and that nobody takes those of others."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, text

from medianest.config import DatabaseSettings
from medianest.resilience import BulkheadFullError, BulkheadSnapshot, ManualClock, ResilienceService
from medianest.storage.callers import CALLER, Caller
from medianest.storage.compartments import WRITING, Places
from medianest.storage.database import Database
from tests.support.waiting import wait_until

PATIENCE = 10.0


def one(connection: Connection) -> int:
    return connection.execute(text("SELECT 1")).scalar_one()


class Callers:
    """A database whose callers are a client, an operator or the background, as they say."""

    def __init__(self, url: str, clock: ManualClock, **settings: Any) -> None:
        self.service = ResilienceService(clock=clock)
        options = {"pool_wait": 0.05, "timeout": 5.0, **settings}
        self.database = Database(
            url,
            DatabaseSettings(**options),
            self.service,
            threads=24,
            in_flight=20,
        )
        self._pool = ThreadPoolExecutor(32)
        self.over = threading.Event()
        self._inside = threading.Semaphore(0)

    def call(
        self, who: Caller, way: str, operation: Callable[[Connection], int | None] = one
    ) -> int | None:
        """Call it now, as somebody."""
        token = CALLER.set(who)
        try:
            return getattr(self.database, way)(operation)
        finally:
            CALLER.reset(token)

    def start(
        self, who: Caller, way: str, operation: Callable[[Connection], int | None] = one
    ) -> Future[Any]:
        """The same in a thread of its own."""
        return self._pool.submit(self.call, who, way, operation)

    def hold(self, who: Caller, way: str, times: int) -> list[Future[Any]]:
        """Start calls that go on until the end."""
        return [self.start(who, way, self._hold) for _ in range(times)]

    def _hold(self, connection: Connection) -> None:
        self._inside.release()
        self.over.wait(PATIENCE)

    def are_inside(self, times: int) -> None:
        """Wait until so many calls that are held have begun."""
        for _ in range(times):
            assert self._inside.acquire(timeout=PATIENCE)

    def snapshot(self, name: str) -> BulkheadSnapshot:
        return self.service.registry.bulkhead(name).snapshot()

    def end(self) -> None:
        self.over.set()
        self._pool.shutdown()
        self.database.close()


@pytest.fixture
def make_callers(url: str, clock: ManualClock) -> Iterator[Callable[..., Callers]]:
    made = []

    def make(**settings: Any) -> Callers:
        made.append(Callers(url, clock, **settings))
        return made[-1]

    yield make
    for callers in made:
        callers.end()


@pytest.fixture
def callers(make_callers: Callable[..., Callers]) -> Callers:
    return make_callers()


def refused(calls: Iterator[Any]) -> int:
    return sum(isinstance(call.exception(PATIENCE), BulkheadFullError) for call in calls)


# -- how many ----------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [4, 8, 16, 32, 64])
def test_clients_get_half_of_the_places_of_requests_and_not_all_of_them_to_write(
    threads: int,
) -> None:
    in_flight = max(1, threads - 4)
    places = Places.fitting(threads, in_flight, None)
    assert places.clients <= max(1, in_flight / 2)
    assert places.writers < places.clients or places.clients == 1
    assert places.lookers <= (threads - in_flight) / 2


def test_a_worker_has_fewer_connections_than_threads() -> None:
    assert Places.fitting(24, 20, None).connections == 21
    assert Places.fitting(16, 12, None).connections == 17
    assert Places.fitting(64, 60, None).connections == 21


@pytest.mark.parametrize("connections", [7, 8, 10, 12, 14, 22, 100])
def test_a_worker_has_no_more_connections_than_it_may(connections: int) -> None:
    places = Places.fitting(24, 20, connections)
    assert places.connections <= connections
    assert min(places.clients, places.writers, places.lookers, places.background) >= 1


@pytest.mark.parametrize("most", [7, 10])
def test_a_worker_opens_no_more_connections_than_it_may(
    make_callers: Callable[..., Callers], most: int
) -> None:
    """Keeps out: those that prove that the database is there come on top of it."""
    assert make_callers(pool_size=most).database.pool().size == most


def test_what_may_be_set_is_enough_for_all() -> None:
    DatabaseSettings(pool_size=7)
    with pytest.raises(ValueError, match="greater than or equal to 7"):
        DatabaseSettings(pool_size=6)
    assert Places.fitting(24, 20, 7).connections == 7
    assert Places.fitting(24, 20, 6).connections == 7


# -- who leaves places for whom ----------------------------------------------------------------


def test_clients_who_write_leave_places_for_all_others(callers: Callers) -> None:
    """Keeps out: a slow disk, and everything that needs the database waits for the writers."""
    writers = callers.hold("client", "write", 20)
    callers.are_inside(1)
    wait_until(lambda: refused(w for w in writers if w.done()) == 12)
    assert callers.snapshot(WRITING).in_use == 8
    for who in ("client", "operator", "background"):
        assert callers.call(who, "read") == 1


def test_clients_who_read_leave_places_for_all_others(callers: Callers) -> None:
    readers = callers.hold("client", "read", 20)
    callers.are_inside(10)
    wait_until(lambda: refused(r for r in readers if r.done()) == 10)
    for who in ("operator", "background"):
        assert callers.call(who, "read") == 1
        assert callers.call(who, "write") == 1


def test_those_who_look_leave_places_for_clients_and_for_the_changes_of_operators(
    callers: Callers,
) -> None:
    lookers = callers.hold("operator", "read", 24)
    callers.are_inside(2)
    wait_until(lambda: refused(looker for looker in lookers if looker.done()) == 22)
    for who in ("client", "operator", "background"):
        assert callers.call(who, "write") == 1
    assert callers.call("client", "read") == 1


def test_the_background_waits_and_finds_a_connection_to_read_while_all_of_it_writes(
    callers: Callers,
) -> None:
    callers.hold("background", "write", 1)
    callers.are_inside(1)
    others = [callers.start("background", "write") for _ in range(10)]
    assert callers.call("background", "read") == 1
    callers.over.set()
    assert [other.result(PATIENCE) for other in others] == [1] * 10


def test_a_few_who_come_at_once_are_served(make_callers: Callable[..., Callers]) -> None:
    """Keeps out: compartments so narrow that a page that asks for three things gets one."""
    callers = make_callers(pool_wait=2.0)
    calls_of: tuple[tuple[Caller, str, int], ...] = (
        ("client", "write", 10),
        ("client", "read", 12),
        ("operator", "read", 4),
        ("operator", "write", 2),
    )
    for who, way, times in calls_of:
        calls = [callers.start(who, way) for _ in range(times)]
        assert [call.result(PATIENCE) for call in calls] == [1] * times
