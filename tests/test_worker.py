"""What runs beside the requests, on the real scheduler."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
from apscheduler.schedulers import base
from medianest.web.parts import Parts
from medianest.worker import Worker
from sqlalchemy import text

from medianest.app import create_app
from medianest.resilience import SystemClock
from medianest.server.every import Every
from medianest.storage import Database, schema
from medianest.storage.errors import DatabaseUnavailableError


class SettableClock(SystemClock):
    """The real clock, whose time of day can be set."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def utc(self) -> datetime:
        return SystemClock.utc() + self.offset


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def make_running(
    tmp_path: Path, clock: SettableClock
) -> Iterator[Callable[[], tuple[Parts, Worker]]]:
    """Starts an app's worker; gives the parts of the app, and the worker."""
    started = []

    def make() -> tuple[Parts, Worker]:
        app = create_app(
            {
                "env": "development",
                "instance_path": tmp_path,
                "operator_token": "the-operator-token",
                "sandbox": False,
                "health": {"interval": 0.2},
            },
            clock=clock,
        )
        parts = app.extensions["medianest"]
        started.append((parts, app.extensions["medianest.background"]))
        started[-1][1].start()
        return started[-1]

    others = set(threading.enumerate())
    yield make
    for _, worker in started:
        worker.stop()
    # What a job gives back after its database was closed would be nobody's.
    until(lambda: not [t for t in threading.enumerate() if is_of_pool(t) and t not in others])
    for parts, _ in started:
        parts.storage.database.close()


@pytest.fixture
def running(make_running: Callable[[], tuple[Parts, Worker]]) -> tuple[Parts, Worker]:
    return make_running()


def until(condition: Callable[..., Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def is_of_pool(thread: threading.Thread) -> bool:
    return thread.daemon and "ThreadPool" in thread.name


def age(parts: Parts) -> float | None:
    return parts.monitoring.monitor.component("memory").age_seconds


def checks_go_on(parts: Parts) -> None:
    """For a second, in which several are due."""
    until(lambda: age(parts) is not None and age(parts) < 0.4)
    time.sleep(1.0)
    until(lambda: age(parts) < 0.4, 3.0)


def test_everything_is_checked_soon_after_the_start(running: tuple[Parts, Worker]) -> None:
    parts, _ = running
    until(lambda: all(c.checked_at is not None for c in parts.monitoring.monitor.components()))
    assert parts.storage.migrator.is_current
    # While its tables were being made, nothing was to be said of the database yet.
    until(lambda: parts.monitoring.monitor.component("database").status.value != "unknown")
    found = {c.name: c.status.value for c in parts.monitoring.monitor.components()}
    del found["cpu"]  # the tests themselves may keep it busy
    assert set(found.values()) == {"healthy"}


def test_tables_that_are_still_being_made_are_no_trouble(
    make_running: Callable[[], tuple[Parts, Worker]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: "run medianest db upgrade", told to people by an alert at each first start."""
    ready = threading.Event()
    upgrade = Database.upgrade

    def slow(database: Database) -> tuple[None, str]:
        ready.wait(5)
        return upgrade(database)

    monkeypatch.setattr(Database, "upgrade", slow)
    parts, _ = make_running()
    database = partial(parts.monitoring.monitor.component, "database")
    until(lambda: database().checked_at is not None)
    assert (database().status.value, database().message) == ("unknown", "its tables are being made")
    ready.set()
    until(lambda: database().status.value == "healthy")


def test_a_database_that_hangs_at_the_start_is_told_as_such(
    make_running: Callable[[], tuple[Parts, Worker]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: it was not looked at until its tables had been made, or could not be."""

    def hangs(database: Database) -> NoReturn:
        raise DatabaseUnavailableError("the database did not answer in time")

    held = threading.Event()
    monkeypatch.setattr(Database, "upgrade", lambda database: held.wait(10))
    monkeypatch.setattr(Database, "ping", hangs)
    parts, _ = make_running()
    until(lambda: parts.monitoring.monitor.component("database").status.value == "unhealthy")
    held.set()


def test_a_database_that_cannot_be_prepared_is_checked_all_the_same(
    make_running: Callable[[], tuple[Parts, Worker]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(database: Database) -> NoReturn:
        raise DatabaseUnavailableError("the disk is full")

    monkeypatch.setattr(Database, "upgrade", fails)
    parts, _ = make_running()
    until(lambda: parts.monitoring.monitor.component("database").checked_at is not None)
    assert "run medianest db upgrade" in parts.monitoring.monitor.component("database").message


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(days=365)])
def test_a_clock_that_is_set_stops_nothing(
    running: tuple[Parts, Worker],
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: timedelta,
) -> None:
    """Keeps out: a scheduler that waits until it is as late again as it was; and one that goes
    through each second of a year that never was, with 1.7 GiB."""
    parts, _ = running
    checks_go_on(parts)

    real = base.datetime

    class Now(real):
        @classmethod
        def now(cls, tz: timezone | None = None) -> datetime:
            return real.fromtimestamp(clock.utc().timestamp(), tz)

    monkeypatch.setattr(base, "datetime", Now)
    spent = time.process_time()
    clock.offset = step
    if step < timedelta():
        time.sleep(0.5)  # what was due just now may still run
        until(lambda: age(parts) > 0.4)
    checks_go_on(parts)
    assert time.process_time() - spent < 3
    way = "back" if step < timedelta() else "forward"
    until(lambda: f"the time of day was set {way} by" in caplog.text)


def test_a_job_is_planned_an_interval_ahead_whatever_was_missed() -> None:
    """It keeps its rhythm, and makes up for nothing."""
    every, at = Every(10, 2, random=lambda: 0.5), datetime(2026, 1, 1, tzinfo=UTC)
    interval = timedelta(seconds=11)
    assert every.get_next_fire_time(None, at) == at + interval
    assert every.get_next_fire_time(at, at + timedelta(seconds=3)) == at + interval
    for passed in (timedelta(seconds=11), timedelta(days=365), -timedelta(hours=3)):
        assert every.get_next_fire_time(at, at + passed) == at + passed + interval


def test_it_ends_with_all_its_threads(make_running: Callable[[], tuple[Parts, Worker]]) -> None:
    others = set(threading.enumerate())
    parts, worker = make_running()
    checks_go_on(parts)
    worker.stop()
    worker.stop()
    until(lambda: not [t for t in threading.enumerate() if is_of_pool(t) and t not in others])
    before = age(parts)
    time.sleep(0.6)
    assert age(parts) >= before + 0.6


def test_tables_of_a_newer_version_do_not_stop_what_runs(running: tuple[Parts, Worker]) -> None:
    parts, _ = running
    until(lambda: parts.storage.migrator.is_current)
    for revision, current in (("9999", True), ("0001", False), (schema.head_revision(), True)):
        parts.storage.database.write(
            lambda connection, to=revision: connection.execute(
                text("UPDATE alembic_version SET version_num = :to"), {"to": to}
            )
        )
        parts.storage.migrator.prepare()
        assert parts.storage.migrator.is_current is current, revision
