"""Breakers that other code made with the `circuitbreaker` package itself."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import circuitbreaker
import circuitbreaker as package
import pytest

from medianest.bridges.circuitbreaker import circuit
from medianest.bridges.circuitbreaker.others import other_breakers
from medianest.resilience import Registry
from tests.support.narrowing import not_none


@pytest.fixture(autouse=True)
def nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package.CircuitBreakerMonitor, "circuit_breakers", {})


def lookup() -> NoReturn:
    raise ConnectionError("refused")


def trip(breaker: circuitbreaker.CircuitBreaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ConnectionError):
            breaker.call(lookup)


def decorated(name: str = "weather", **options: Any) -> circuitbreaker.CircuitBreaker:
    breaker = package.CircuitBreaker(name=name, failure_threshold=2, **options)
    breaker(lookup)
    return breaker


def test_what_it_tells_is_what_is_seen(registry: Registry) -> None:
    breaker = decorated(recovery_timeout=30)
    (seen,) = other_breakers(registry)
    assert (seen.name, seen.state, seen.failures_in_a_row) == ("weather", "closed", 0)
    assert (seen.last_failure, seen.next_attempt, seen.retry_after) == (None, None, None)
    trip(breaker, 2)
    (seen,) = other_breakers(registry)
    assert (seen.state, seen.failures_in_a_row) == ("open", 2)
    assert isinstance(seen.last_failure, ConnectionError)
    assert 0 < not_none(seen.retry_after) <= 30
    assert not_none(seen.next_attempt) <= datetime.now(UTC) + timedelta(seconds=31)


def test_half_open_has_no_wait(registry: Registry) -> None:
    trip(decorated(recovery_timeout=1e-9), 2)
    (seen,) = other_breakers(registry)
    assert (seen.state, seen.retry_after, seen.next_attempt) == ("half_open", None, None)


def test_an_operator_closes_it(registry: Registry) -> None:
    breaker = decorated()
    trip(breaker, 2)
    other_breakers(registry)[0].reset()
    assert (breaker.state, breaker.failure_count) == ("closed", 0)


def test_names_that_another_has_or_that_cannot_stand_in_a_path(registry: Registry) -> None:
    registry.breaker("weather")
    decorated()
    decorated("two\nlines")
    decorated("x" * 300)
    names = [seen.name for seen in other_breakers(registry)]
    assert names[:2] == ["two?lines", "weather (circuitbreaker)"]
    assert len(names[2]) < 100


def test_those_of_the_bridge_are_not_seen_twice(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a program that puts the bridge in the place of the package has each twice."""
    import medianest.bridges.circuitbreaker as bridge

    circuit(name="ours")(lookup)
    monkeypatch.setitem(sys.modules, "circuitbreaker", bridge)
    assert other_breakers(registry) == []


def test_one_that_cannot_be_looked_at_hides_no_other(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(package.CircuitBreaker):  # type: ignore[misc]
        @property
        def state(self) -> NoReturn:
            raise RuntimeError("my own fault")

    Odd(name="odd")(lookup)
    decorated()
    for _ in range(2):
        assert [seen.name for seen in other_breakers(registry)] == ["weather"]
    assert caplog.text.count("odd cannot be looked at: my own fault") == 1


PROGRAM = """
import sys
from medianest.bridges.circuitbreaker.others import other_breakers
from medianest.resilience import Registry
assert other_breakers(Registry()) == []
assert "circuitbreaker" not in sys.modules
"""


def test_the_package_is_never_imported() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
