"""What runs beside the requests, on the real scheduler."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import NoReturn, Self

import pytest
from apscheduler.schedulers import base
from sqlalchemy import Connection, text

from medianest.app import create_app
from medianest.health import Check, HealthMonitor
from medianest.jobs import Job, Lifecycle
from medianest.resilience import SystemClock
from medianest.server.background import BackgroundJobs
from medianest.server.every import Every
from medianest.storage import schema
from medianest.storage.database import Database
from medianest.storage.errors import DatabaseUnavailableError
from medianest.web.container import Container
from tests.support.waiting import wait_until


class SettableClock(SystemClock):
    """The real clock, whose time of day can be set."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def utc(self) -> datetime:  # type: ignore[override]
        return SystemClock.utc() + self.offset


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def make_running(
    tmp_path: Path, clock: SettableClock
) -> Iterator[Callable[[], tuple[Container, BackgroundJobs]]]:
    """Starts an app's worker; gives the parts of the app, and the worker."""
    started = []

    def make() -> tuple[Container, BackgroundJobs]:
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
    wait_until(lambda: not [t for t in threading.enumerate() if is_of_pool(t) and t not in others])
    for parts, _ in started:
        parts.storage.database.close()


@pytest.fixture
def running(
    make_running: Callable[[], tuple[Container, BackgroundJobs]],
) -> tuple[Container, BackgroundJobs]:
    return make_running()


def is_of_pool(thread: threading.Thread) -> bool:
    return thread.daemon and "ThreadPool" in thread.name


def age(parts: Container) -> float:
    """How long ago the memory was looked at, in seconds: for ever, before it ever was."""
    found = parts.monitoring.monitor.component("memory").age_seconds
    return math.inf if found is None else found


def checks_go_on(parts: Container) -> None:
    """For a second, in which several are due."""
    wait_until(lambda: age(parts) < 0.4)
    time.sleep(1.0)
    wait_until(lambda: age(parts) < 0.4, 3.0)


def test_everything_is_checked_soon_after_the_start(
    running: tuple[Container, BackgroundJobs],
) -> None:
    parts, _ = running
    wait_until(lambda: all(c.checked_at is not None for c in parts.monitoring.monitor.components()))
    assert parts.storage.migrator.is_current
    # While its tables were being made, nothing was to be said of the database yet.
    wait_until(lambda: parts.monitoring.monitor.component("database").status.value != "unknown")
    found = {c.name: c.status.value for c in parts.monitoring.monitor.components()}
    del found["cpu"]  # the tests themselves may keep it busy
    assert set(found.values()) == {"healthy"}


def test_tables_that_are_still_being_made_are_no_trouble(
    make_running: Callable[[], tuple[Container, BackgroundJobs]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: "run medianest db upgrade", told to people by an alert at each first start."""
    ready = threading.Event()
    upgrade = Database.upgrade

    def slow(database: Database) -> tuple[str | None, str]:
        ready.wait(5)
        return upgrade(database)

    monkeypatch.setattr(Database, "upgrade", slow)
    parts, _ = make_running()
    database = partial(parts.monitoring.monitor.component, "database")
    wait_until(lambda: database().checked_at is not None)
    assert (database().status.value, database().message) == ("unknown", "its tables are being made")
    ready.set()
    wait_until(lambda: database().status.value == "healthy")


def test_a_database_that_hangs_at_the_start_is_told_as_such(
    make_running: Callable[[], tuple[Container, BackgroundJobs]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: it was not looked at until its tables had been made, or could not be."""

    def hangs(database: Database) -> NoReturn:
        raise DatabaseUnavailableError("the database did not answer in time")

    held = threading.Event()
    monkeypatch.setattr(Database, "upgrade", lambda database: held.wait(10))
    monkeypatch.setattr(Database, "ping", hangs)
    parts, _ = make_running()
    wait_until(lambda: parts.monitoring.monitor.component("database").status.value == "unhealthy")
    held.set()


def test_a_database_that_cannot_be_prepared_is_checked_all_the_same(
    make_running: Callable[[], tuple[Container, BackgroundJobs]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(database: Database) -> NoReturn:
        raise DatabaseUnavailableError("the disk is full")

    monkeypatch.setattr(Database, "upgrade", fails)
    parts, _ = make_running()
    wait_until(lambda: parts.monitoring.monitor.component("database").checked_at is not None)
    message = parts.monitoring.monitor.component("database").message
    assert message == "it has no tables yet: run medianest db upgrade"


@pytest.mark.slow
@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(days=365)])
def test_a_clock_that_is_set_stops_nothing(
    running: tuple[Container, BackgroundJobs],
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: timedelta,
) -> None:
    """Keeps out: a scheduler that waits until it is as late again as it was; and one that goes
    through each second of a year that never was, with 1.7 GiB."""
    parts, _ = running
    checks_go_on(parts)

    class Now(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(clock.utc().timestamp(), tz)

    monkeypatch.setattr(base, "datetime", Now)
    spent = time.process_time()
    clock.offset = step
    if step < timedelta():
        time.sleep(0.5)  # what was due just now may still run
        wait_until(lambda: age(parts) > 0.4)
    checks_go_on(parts)
    assert time.process_time() - spent < 3
    way = "back" if step < timedelta() else "forward"
    wait_until(lambda: f"the time of day was set {way} by" in caplog.text)


def test_a_job_is_planned_an_interval_ahead_whatever_was_missed() -> None:
    """It keeps its rhythm, and makes up for nothing."""
    every, at = Every(10, 2, random=lambda: 0.5), datetime(2026, 1, 1, tzinfo=UTC)
    interval = timedelta(seconds=11)
    assert every.get_next_fire_time(None, at) == at + interval
    assert every.get_next_fire_time(at, at + timedelta(seconds=3)) == at + interval
    for passed in (timedelta(seconds=11), timedelta(days=365), -timedelta(hours=3)):
        assert every.get_next_fire_time(at, at + passed) == at + passed + interval


def test_it_ends_with_all_its_threads(
    make_running: Callable[[], tuple[Container, BackgroundJobs]],
) -> None:
    others = set(threading.enumerate())
    parts, worker = make_running()
    checks_go_on(parts)
    worker.stop()
    worker.stop()
    wait_until(lambda: not [t for t in threading.enumerate() if is_of_pool(t) and t not in others])
    before = age(parts)
    time.sleep(0.6)
    assert age(parts) >= before + 0.6


def test_tables_of_a_newer_version_do_not_stop_what_runs(
    running: tuple[Container, BackgroundJobs],
) -> None:
    parts, _ = running
    wait_until(lambda: parts.storage.migrator.is_current)
    for revision, current in (("9999", True), ("0001", False), (schema.head_revision(), True)):
        parts.storage.database.write(
            partial(
                Connection.execute,
                statement=text("UPDATE alembic_version SET version_num = :to"),
                parameters={"to": revision},
            )
        )
        parts.storage.migrator.prepare()
        assert parts.storage.migrator.is_current is current, revision


def test_a_monitor_without_checks_is_watched_as_well() -> None:
    """Keeps out: a shortest interval of none."""
    jobs = BackgroundJobs(
        [], HealthMonitor(), Lifecycle(0.0), SystemClock(), has_tables=lambda: True
    )
    jobs.start()
    jobs.stop()


def test_a_start_that_fails_is_made_again() -> None:
    """Keeps out: a process that is taken to do its jobs, and does none."""
    failing = [OSError("no more threads")]

    class Monitor(HealthMonitor):
        def checks(self) -> list[Check]:
            if failing:
                raise failing.pop()
            return []

    begun = threading.Event()
    job = Job(name="do it", run=begun.set, every=60)
    jobs = BackgroundJobs([job], Monitor(), Lifecycle(0.0), SystemClock(), has_tables=lambda: True)
    with pytest.raises(OSError, match="no more threads"):
        jobs.start()
    jobs.start()
    assert begun.wait(10)
    jobs.stop()


def test_what_has_begun_last_ends_first() -> None:
    """Keeps out: one that hands something over to others, after it has left them."""
    done: list[str] = []
    made = [
        Job(
            name=name,
            run=lambda: None,
            every=60,
            at_start=partial(done.append, f"{name} begins"),
            at_end=partial(done.append, f"{name} ends"),
        )
        for name in ("one", "two")
    ]
    jobs = BackgroundJobs(
        made, HealthMonitor(), Lifecycle(0.0), SystemClock(), has_tables=lambda: True
    )
    jobs.start()
    jobs.stop()
    assert done == ["one begins", "two begins", "two ends", "one ends"]
