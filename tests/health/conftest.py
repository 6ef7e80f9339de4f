"""A monitor whose time stands still, and checks that find what a test tells them to."""

import pytest

from medianest.health import Check, CheckResult, HealthMonitor, Status

WORDS = {"H": Status.HEALTHY, "D": Status.DEGRADED, "U": Status.UNHEALTHY, "?": Status.UNKNOWN}


class Scripted:
    """A check that finds `status`, or raises it when it is an exception."""

    def __init__(self):
        self.status = Status.HEALTHY
        self.message = None
        self.detail = {}
        self.runs = 0

    def __call__(self):
        self.runs += 1
        if isinstance(self.status, BaseException):
            raise self.status
        return CheckResult(self.status, self.message, self.detail)


@pytest.fixture
def monitor(clock):
    return HealthMonitor(clock)


@pytest.fixture
def scripted(monitor):
    """`scripted("plex", **options)` is watched by the monitor."""

    def add(name="thing", **options):
        run = Scripted()
        monitor.add(Check(name, run, **options))
        return run

    return add
