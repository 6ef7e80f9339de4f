"""What goes on beside the requests of an app."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable

from flask import Flask

from medianest.flask import Resilience
from medianest.flask.watching import Watching
from medianest.health import HealthMonitor
from medianest.jobs import Job
from medianest.resilience import Clock, ManualClock, SystemClock
from tests.flask.conftest import Shop


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "medianest"]


def watching(run: Callable[[], object], clock: Clock) -> Watching:
    return Watching([Job(name="look", run=run, every=0.05)], HealthMonitor(clock), clock)


def test_it_begins_with_the_first_request_and_ends_when_told() -> None:
    app = Flask("shop")
    resilience = Resilience(app, endpoints="/resilience", authorize=lambda role: True)
    looked = threading.Event()
    resilience.service.register_dependency("nas", health_check=looked.set)
    assert threads() == []
    assert app.test_client().get("/resilience/status").status_code == 200
    assert threads() == ["medianest"]
    assert looked.wait(10)
    app.extensions["medianest.watching"].stop()
    assert threads() == []


def test_nothing_begins_in_a_test(shop: Shop) -> None:
    shop.get("/resilience/status")
    assert threads() == []


def test_a_job_is_done_again_and_again_also_when_it_fails() -> None:
    done = threading.Semaphore(0)

    def fail() -> None:
        done.release()
        raise RuntimeError("this time it did not work")

    here = watching(fail, SystemClock())
    here.start()
    here.start()  # it has begun already
    assert all(done.acquire(timeout=10) for _ in range(3))
    assert threads() == ["medianest"]
    here.stop()
    assert threads() == []


def test_it_may_begin_again(clock: ManualClock) -> None:
    done = threading.Semaphore(0)
    here = watching(done.release, clock)
    for _ in range(2):
        here.start()
        assert done.acquire(timeout=10)
        here.stop()


def test_it_ends_with_the_app(clock: ManualClock) -> None:
    """Keeps out: a thread for each app that was ever made."""
    done, monitor = threading.Semaphore(0), HealthMonitor(clock)
    here = Watching([Job(name="look", run=done.release, every=60.0)], monitor, clock)
    here.start()
    assert done.acquire(timeout=10)
    (thread,) = [each for each in threading.enumerate() if each.name == "medianest"]
    del here
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()
    monitor.stop()
