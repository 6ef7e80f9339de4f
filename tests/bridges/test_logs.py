"""What changes, in a logger of one's own."""

import logging
from collections.abc import Callable, Iterator

import pytest

from medianest.bridges.logs import log_events
from medianest.health import Check, HealthMonitor
from medianest.resilience import CircuitBreaker, ConfigurationError, ManualClock


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[tuple[str, str, str]]]]:
    """What `log_events` has logged since."""
    caplog.set_level(logging.INFO, "weather.events")

    def read() -> list[tuple[str, str, str]]:
        return [(r.levelname, r.getMessage(), vars(r)["service"]) for r in caplog.records]

    stop = log_events(logging.getLogger("weather.events"))
    yield read
    stop()


def opened() -> None:
    CircuitBreaker("weather").open("moving house", actor="kim")


def test_a_breaker_that_opens_is_a_warning_with_its_service(
    told: Callable[[], list[tuple[str, str, str]]],
) -> None:
    opened()
    (line,) = told()
    assert line[0] == "WARNING"
    assert line[1].startswith("circuit breaker weather: closed -> forced_open")
    assert line[1].endswith(": moving house, by kim")
    assert line[2] == "weather"


def test_health_is_told_when_it_changes(
    told: Callable[[], list[tuple[str, str, str]]], clock: ManualClock
) -> None:
    monitor = HealthMonitor(clock)
    monitor.add(Check("nas", lambda: False))
    monitor.run("nas")
    assert told() == [
        ("WARNING", "health of nas: unknown -> unhealthy: its check failed", "nas"),
    ]


def test_no_logger_tells_anything_twice_and_each_can_be_ended(
    told: Callable[[], list[tuple[str, str, str]]],
) -> None:
    stop = log_events(logging.getLogger("weather.events"))
    opened()
    assert len(told()) == 1
    stop()
    stop()
    opened()
    assert len(told()) == 1


def test_what_is_no_logger_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"takes a logging\.Logger, not 'weather'"):
        log_events("weather")  # type: ignore[arg-type]
