"""What runs beside the requests, on the real scheduler."""

import threading
import time
from datetime import timedelta

import pytest
from apscheduler.schedulers import base
from apscheduler.triggers import interval
from sqlalchemy import text

from medianest.app import create_app
from medianest.resilience import SystemClock
from medianest.storage import schema
from medianest.worker import Worker


class SettableClock(SystemClock):
    """The real clock, whose time of day can be set."""

    def __init__(self):
        self.offset = timedelta()

    def utc(self):
        return SystemClock.utc() + self.offset


@pytest.fixture
def clock():
    return SettableClock()


@pytest.fixture
def running(tmp_path, clock):
    """The parts of an app whose worker runs."""
    app = create_app(
        {
            "env": "development",
            "instance_path": tmp_path,
            "operator_token": "the-operator",
            "sandbox": False,
            "health": {"interval": 0.2},
        },
        clock=clock,
    )
    parts = app.extensions["medianest"]
    worker = Worker(parts, app.extensions["medianest.notifier"])
    worker.start()
    yield parts, worker
    worker.stop()
    parts.database.close()


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def age(parts):
    return parts.watch.monitor.component("memory").age_seconds


def checks_go_on(parts):
    """For a second, in which several are due."""
    until(lambda: age(parts) is not None and age(parts) < 0.4)
    time.sleep(1.0)
    until(lambda: age(parts) < 0.4, 3.0)


def test_everything_is_checked_soon_after_the_start(running):
    parts, _ = running
    until(lambda: all(c.checked_at is not None for c in parts.watch.monitor.components()))
    assert parts.lifecycle.schema_is_current

    def unwell():
        found = {c.name: c.status.value for c in parts.watch.monitor.components()}
        del found["cpu"]  # the tests themselves may keep it busy
        return {name: status for name, status in found.items() if status != "healthy"}

    # The first look at the database may have come while its tables were being made.
    until(lambda: not unwell())
    assert not unwell()


def test_a_clock_that_is_set_back_stops_nothing(running, clock, monkeypatch):
    """Keeps out: a scheduler that waits until it is as late again as it was."""
    parts, _ = running
    checks_go_on(parts)

    real = base.datetime

    class Now(real):
        @classmethod
        def now(cls, tz=None):
            return real.fromtimestamp(clock.utc().timestamp(), tz)

    monkeypatch.setattr(base, "datetime", Now)
    monkeypatch.setattr(interval, "datetime", Now)
    clock.offset = timedelta(hours=-1)
    time.sleep(0.5)  # what was due just now may still run
    until(lambda: age(parts) > 0.4)
    checks_go_on(parts)


def test_it_ends_with_all_its_threads(running):
    parts, worker = running
    checks_go_on(parts)
    worker.stop()
    worker.stop()
    until(lambda: not [t for t in threading.enumerate() if "ThreadPool" in t.name and t.daemon])
    before = age(parts)
    time.sleep(0.6)
    assert age(parts) >= before + 0.6


def test_tables_of_a_newer_version_do_not_stop_what_runs(running):
    parts, worker = running
    until(lambda: parts.lifecycle.schema_is_current)
    for revision, current in (("9999", True), ("0001", False), (schema.head_revision(), True)):
        parts.database.write(
            lambda connection, to=revision: connection.execute(
                text("UPDATE alembic_version SET version_num = :to"), {"to": to}
            )
        )
        worker._prepare()
        assert parts.lifecycle.schema_is_current is current, revision
