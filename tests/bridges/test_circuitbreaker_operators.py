"""The bridge in the registry: what operators see and do, and names and numbers of any kind."""

from __future__ import annotations

from typing import Any

import pytest

from medianest.bridges import circuitbreaker
from medianest.bridges.circuitbreaker import (
    STATE_CLOSED,
    STATE_HALF_OPEN,
    STATE_OPEN,
    CircuitBreaker,
    CircuitBreakerError,
    CircuitBreakerMonitor,
    circuit,
)
from medianest.resilience import ManualClock, Registry, State
from tests.bridges.circuits import WAIT, DownError, fail, ok, trip
from tests.support.narrowing import not_none


def test_a_decorated_breaker_is_in_the_registry_under_its_name(registry: Registry) -> None:
    @circuit
    def lookup() -> str:
        return "ok"

    (native,) = registry.breakers()
    assert native.name.endswith("lookup")
    assert native.name == next(iter(CircuitBreakerMonitor.get_circuits())).name
    lookup()
    assert native.snapshot().counts.successes == 1


def test_a_breaker_that_decorates_nothing_is_not_registered(
    breaker: circuitbreaker.CircuitBreaker, registry: Registry
) -> None:
    breaker.call(lambda: "ok")
    assert registry.breakers() == []
    assert list(CircuitBreakerMonitor.get_circuits()) == []


def test_a_breaker_used_before_it_was_named_keeps_what_it_counted(registry: Registry) -> None:
    breaker = CircuitBreaker(failure_threshold=1)
    trip(breaker)
    breaker(lambda: "never")
    assert breaker.opened
    assert registry.breakers()[0].state is State.OPEN


def test_the_latest_breaker_of_a_name_has_the_registry(registry: Registry) -> None:
    for _ in range(2):
        circuit(name="same")(lambda: "ok")
    assert len(registry.breakers()) == 1


def test_what_operators_force_is_visible(
    breaker: circuitbreaker.CircuitBreaker, registry: Registry
) -> None:
    protected = breaker(ok)
    native = not_none(registry.find_breaker("plex"))
    native.open("maintenance")
    assert (breaker.state, breaker.opened, breaker.open_remaining) == (STATE_OPEN, True, WAIT)
    with pytest.raises(CircuitBreakerError, match="OPEN: an operator has opened it") as caught:
        protected()
    assert caught.value.retry_after is None
    breaker.reset()
    assert breaker.opened, "the program does not undo what an operator did"
    native.disable()
    assert (breaker.state, breaker.closed) == (STATE_CLOSED, True)
    assert protected() == "ok"
    native.enable()
    assert breaker.closed


def test_an_operator_closes_an_open_circuit(
    breaker: circuitbreaker.CircuitBreaker, registry: Registry
) -> None:
    breaker(fail)
    trip(breaker)
    not_none(registry.find_breaker("plex")).close()
    assert (breaker.state, breaker.failure_count) == (STATE_CLOSED, 0)
    with pytest.raises(DownError):
        breaker.call(fail)
    assert breaker.failure_count == 1
    trip(breaker)
    assert (breaker.failure_count, breaker.open_remaining) == (2, WAIT)


def test_the_program_resets_an_open_circuit(breaker: circuitbreaker.CircuitBreaker) -> None:
    trip(breaker)
    breaker.reset()
    assert breaker.closed
    assert (breaker.failure_count, breaker.last_failure) == (0, None)


@pytest.mark.parametrize("name", ["x" * 500, "tab\there", "ümläut", "a b"])
def test_any_name_is_accepted(name: str, registry: Registry) -> None:
    protected = circuit(name=name)(ok)
    assert protected() == "ok"
    assert not_none(CircuitBreakerMonitor.get(name)).name == name
    assert len(registry.breakers()) == 1


def test_long_names_that_differ_at_the_end_stay_apart(registry: Registry) -> None:
    for end in "ab":
        circuit(name="x" * 200 + end)(lambda: "ok")
    assert len(registry.breakers()) == 2


@pytest.mark.parametrize(
    ("threshold", "timeout"), [(2.5, 0.5), (float("inf"), 1e12), (-1, -1), (1, 10**9)]
)
def test_any_number_is_accepted(threshold: float, timeout: float) -> None:
    breaker = CircuitBreaker(threshold, timeout, name="plex")
    with pytest.raises(DownError):
        breaker.call(fail)
    assert breaker.state in (STATE_CLOSED, STATE_OPEN, STATE_HALF_OPEN)


def test_a_subclass_that_counts_its_calls_sees_each(clock: ManualClock) -> None:
    class Counting(CircuitBreaker):
        FAILURE_THRESHOLD = 1
        FALLBACK_FUNCTION = staticmethod(lambda: "fallback")
        seen: list[str] = []  # noqa: RUF012

        def call(self, func: Any, *args: Any, **kwargs: Any) -> Any:
            self.seen.append(func.__name__)
            return super().call(func, *args, **kwargs)

    protected = circuit(cls=Counting)(fail)
    with pytest.raises(DownError):
        protected()
    assert protected() == "fallback"
    assert Counting.seen == ["fail"]


def test_the_breaker_of_somebody_else_keeps_its_name(registry: Registry) -> None:
    """Keeps out: operators steer a breaker that nobody calls."""
    theirs = registry.breaker("svc")
    circuit(name="svc")(lambda: "ok")
    assert registry.find_breaker("svc") is theirs
    assert [b.name for b in registry.breakers()] == ["svc", "svc (circuitbreaker)"]
