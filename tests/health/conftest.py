"""A monitor whose time stands still, and checks that find what a test tells them to."""

from collections.abc import Callable
from typing import Any

import pytest

from medianest.health import Check, CheckResult, HealthMonitor, Status
from medianest.resilience import ManualClock
from tests.health.watching import World

WORDS = {"H": Status.HEALTHY, "D": Status.DEGRADED, "U": Status.UNHEALTHY, "?": Status.UNKNOWN}


class Scripted:
    """A check that finds `status`, or raises it when it is an exception."""

    def __init__(self) -> None:
        self.status: Status | Exception = Status.HEALTHY
        self.message: str | None = None
        self.detail: dict[str, Any] = {}
        self.runs = 0

    def __call__(self) -> CheckResult:
        self.runs += 1
        if isinstance(self.status, Exception):
            raise self.status
        return CheckResult(self.status, self.message, self.detail)


@pytest.fixture
def monitor(clock: ManualClock) -> HealthMonitor:
    return HealthMonitor(clock)


@pytest.fixture
def scripted(monitor: HealthMonitor) -> Callable[..., Scripted]:
    """`scripted("plex", **options)` is watched by the monitor."""

    def add(name: str = "thing", **options: Any) -> Scripted:
        run = Scripted()
        monitor.add(Check(name, run, **options))
        return run

    return add


@pytest.fixture
def world(clock: ManualClock) -> World:
    world = World(clock)
    world.depend("plex", service="plex-api")
    world.depend("db", "critical")
    world.depend("shop", "optional", depends_on=["db"])
    world.checks()
    return world
