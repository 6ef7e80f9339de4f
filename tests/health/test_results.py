"""What a check may return, and what becomes of it."""

import asyncio
from typing import Any, NoReturn

import pytest

from medianest.health import Check, CheckResult, HealthMonitor, Status
from medianest.resilience import ConfigurationError
from tests.support.narrowing import not_none


@pytest.mark.parametrize(
    ("returned", "status", "message"),
    [
        (None, Status.HEALTHY, None),
        (True, Status.HEALTHY, None),
        (False, Status.UNHEALTHY, "its check failed"),
        (Status.DEGRADED, Status.DEGRADED, None),
        ("degraded", Status.DEGRADED, None),
        (CheckResult(Status.DEGRADED, "nearly full"), Status.DEGRADED, "nearly full"),
    ],
)
def test_what_it_returns_is_what_is_told(
    monitor: HealthMonitor, returned: Any, status: Status, message: str | None
) -> None:
    monitor.add(Check("thing", lambda: returned))
    monitor.run("thing")
    seen = monitor.component("thing")
    assert (seen.status, seen.message) == (status, message)


@pytest.mark.parametrize("returned", [200, 0, "fine", {}, ["healthy"], object])
def test_what_says_nothing_about_health_is_no_proof_of_it(
    monitor: HealthMonitor, returned: Any
) -> None:
    """Keeps out: a check that returns a number or a dict is healthy for ever."""
    monitor.add(Check("thing", lambda: returned))
    monitor.run("thing")
    seen = monitor.component("thing")
    assert seen.status is Status.UNHEALTHY
    assert "must return None, True, False, a Status or a Finding, not" in not_none(seen.message)


def test_what_it_raises_means_unhealthy(monitor: HealthMonitor) -> None:
    def ping() -> NoReturn:
        raise ConnectionRefusedError("connection refused")

    monitor.add(Check("thing", ping))
    monitor.run("thing")
    seen = monitor.component("thing")
    assert (seen.status, seen.message) == (Status.UNHEALTHY, "connection refused")


def test_an_asynchronous_check_is_refused() -> None:
    async def ping() -> None: ...

    with pytest.raises(ConfigurationError, match=r"check 'thing': .*asynchronous"):
        Check("thing", ping)  # type: ignore[arg-type]


def test_a_coroutine_in_disguise_is_not_healthy(monitor: HealthMonitor) -> None:
    run: Any = lambda: asyncio.sleep(0)  # noqa: E731
    monitor.add(Check("thing", run))
    monitor.run("thing")
    assert monitor.component("thing").status is Status.UNHEALTHY
