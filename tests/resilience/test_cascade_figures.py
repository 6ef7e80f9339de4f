"""The figures of the cascade risk at their borders, and how they are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from medianest.resilience import (
    CircuitBreaker,
    Dependency,
    ManualClock,
    Pipeline,
    Registry,
    ResilienceService,
    State,
)
from medianest.resilience.cascade import CascadeMonitor, Level, Work


@pytest.fixture
def service(clock: ManualClock) -> Any:
    return ResilienceService(clock=clock)


@pytest.fixture
def monitor(service: Any) -> Any:
    return CascadeMonitor(service.registry, lambda name: [f"GET /{name}"])


def stress_of(monitor: Any, name: Any) -> Any:
    return next(d for d in monitor.assess().dependencies if d.name == name).stress


def advice(monitor: Any) -> Any:
    return monitor.assess().recommendations


def calls(breaker: Any, good: int = 0, bad: int = 0) -> None:
    for _ in range(good):
        breaker.acquire().success()
    for _ in range(bad):
        breaker.acquire().failure(ConnectionError())


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (24.9, Level.LOW),
        (25, Level.MEDIUM),
        (49.9, Level.MEDIUM),
        (50, Level.HIGH),
        (74.9, Level.HIGH),
        (75, Level.CRITICAL),
    ],
)
def test_the_level_of_a_score(score: Any, level: Any) -> None:
    assert Level.of(score) is level


def test_risks_of_several_add_up_with_a_decimal(service: Any, monitor: Any) -> None:
    for name in ("a", "b"):
        service.register_dependency(name, criticality="optional", retry=None, bulkhead=None)
        calls(service.registry.breaker(name), good=7, bad=3)
    assert stress_of(monitor, "a").score == pytest.approx(0.24)
    assert monitor.assess().score == 9.4  # 1 - (1 - 0.24 * 0.2) ** 2


@pytest.mark.parametrize(("good", "rate"), [(2, None), (3, 0.4)])
def test_few_calls_are_not_judged(service: Any, monitor: Any, good: Any, rate: Any) -> None:
    service.register_dependency("db", retry=None, bulkhead=None)
    calls(service.registry.breaker("db"), good=good, bad=2)
    assert stress_of(monitor, "db").error_rate == rate


def test_what_is_tried_again_is_less_stress_than_what_is_cut_off(
    service: Any, monitor: Any, clock: ManualClock
) -> None:
    service.register_dependency("db", retry=None, bulkhead=None)
    breaker = service.registry.breaker("db")
    calls(breaker, bad=5)
    assert stress_of(monitor, "db").score == 1
    clock.advance(60)
    breaker.acquire()
    assert breaker.state is State.HALF_OPEN
    assert stress_of(monitor, "db").breaker == 0.6


def test_the_operations_of_a_dependency_are_a_part_of_its_stress(
    service: Any, monitor: Any, clock: ManualClock
) -> None:
    parts = [CircuitBreaker(f"parts:{name}", clock=clock) for name in "abc"]
    service.register_dependency("parts", retry=None, bulkhead=None, operations=parts)
    assert stress_of(monitor, "parts").breaker == 0
    for part in parts[:2]:
        calls(part, bad=5)
    assert stress_of(monitor, "parts").breaker == 0.6667
    assert advice(monitor) == (
        "part of parts fails: parts:a, parts:b; they are retried automatically",
    )


def test_a_part_that_an_operator_holds_open_does_not_fail(
    service: Any, monitor: Any, clock: ManualClock
) -> None:
    """Keeps out: it is said to be retried, and is not until somebody ends that."""
    parts = [CircuitBreaker(f"parts:{name}", clock=clock) for name in "ab"]
    service.register_dependency("parts", retry=None, bulkhead=None, operations=parts)
    parts[0].open("moving", actor="ann", expires_in=600)
    until = f"{clock.utc() + timedelta(minutes=10):%Y-%m-%d %H:%M} UTC"
    held = f"ann holds circuit breaker parts:a open until {until} (moving): enable it to end that"
    assert advice(monitor) == (held,)
    calls(parts[1], bad=5)
    assert advice(monitor)[1] == "part of parts fails: parts:b; they are retried automatically"


def test_what_has_no_breaker_has_no_state(clock: ManualClock) -> None:
    registry = Registry(clock=clock)
    registry.add_dependency(Dependency("bare", "optional", Pipeline("bare", [])))
    stress = stress_of(CascadeMonitor(registry), "bare")
    assert (stress.score, stress.breaker, stress.breaker_state) == (0, 0, None)


def test_places_are_stress_by_their_share_and_never_more_than_all(
    service: Any, monitor: Any
) -> None:
    service.register_dependency("db", retry=None)
    bulkhead = service.registry.bulkhead("db")
    half = [bulkhead.acquire() for _ in range(bulkhead.options.max_concurrent // 2)]
    stress = stress_of(monitor, "db")
    assert (stress.bulkhead_saturation, stress.score) == (0.5, 0.4)
    assert len(half) * 2 == bulkhead.options.max_concurrent


@pytest.mark.parametrize(("retries", "told"), [(3, True), (2, False)])
def test_retries_are_told_from_a_third_on(
    service: Any, monitor: Any, clock: ManualClock, retries: Any, told: Any
) -> None:
    service.register_dependency("db", bulkhead=None)
    budget = service.registry.budget("db")

    def ask(number: Any, again: Any) -> None:
        for _ in range(number):
            next(budget.calls.ticks)
        for _ in range(again):
            assert budget.withdraw()

    ask(20, 4)
    monitor.assess()
    clock.advance(1)
    ask(10, retries)
    stress = stress_of(monitor, "db")
    assert stress.retry_amplification == 1 + retries / 10
    assert stress.score == pytest.approx(0.06 * retries)
    assert advice(monitor) == (("retries make 1.3 calls to db of each one",) if told else ())


@pytest.mark.parametrize(("number", "amplification"), [(4, None), (5, 1.2)])
def test_retries_of_few_calls_are_not_judged(
    service: Any, monitor: Any, number: Any, amplification: Any
) -> None:
    service.register_dependency("db", bulkhead=None)
    budget = service.registry.budget("db")
    for _ in range(number):
        next(budget.calls.ticks)
    assert budget.withdraw()
    assert stress_of(monitor, "db").retry_amplification == amplification


def test_more_than_a_retry_for_each_call_is_no_more_stress(service: Any, monitor: Any) -> None:
    service.register_dependency("db", bulkhead=None)
    budget = service.registry.budget("db")
    for _ in range(5):
        next(budget.calls.ticks)
    for _ in range(10):
        assert budget.withdraw()
    stress = stress_of(monitor, "db")
    assert (stress.retry_amplification, stress.score) == (3.0, 0.6)


@pytest.mark.parametrize(("bad", "told"), [(20, True), (19, False)])
def test_errors_are_told_from_a_fifth_on(service: Any, monitor: Any, bad: Any, told: Any) -> None:
    service.register_dependency("db", retry=None, bulkhead=None)
    calls(service.registry.breaker("db"), good=100 - bad, bad=bad)
    assert advice(monitor) == (("db fails 20% of its calls: check it",) if told else ())


@pytest.mark.parametrize(("taken", "told"), [(8, True), (7, False)])
def test_places_are_told_from_four_fifths_on(
    service: Any, monitor: Any, taken: Any, told: Any
) -> None:
    service.register_dependency("db", retry=None, bulkhead={"max_concurrent": 10})
    for _ in range(taken):
        service.registry.bulkhead("db").acquire()
    text = "db uses nearly all of its bulkhead: it is slow, or that is too small"
    assert advice(monitor) == ((text,) if told else ())


@pytest.mark.parametrize(("bad", "trend"), [(4, "steady"), (5, "rising")])
def test_little_changes_are_steady(
    service: Any, monitor: Any, clock: ManualClock, bad: Any, trend: Any
) -> None:
    service.register_dependency("db", retry=None, bulkhead=None)
    breaker = service.registry.breaker("db")
    calls(breaker, good=100 - bad, bad=bad)
    assert stress_of(monitor, "db").error_trend == trend
    clock.advance(1)
    assert stress_of(monitor, "db").error_trend == "steady"


def test_an_assessment_is_good_for_a_second(service: Any, monitor: Any, clock: ManualClock) -> None:
    service.register_dependency("db", criticality="critical", retry=None, bulkhead=None)
    assert monitor.why_suspended(Work.RETRY) is None
    service.registry.breaker("db").open()
    clock.advance(0.9)
    assert monitor.why_suspended(Work.RETRY) is None
    clock.advance(0.1)
    assert monitor.why_suspended(Work.RETRY) == "suspended while the cascade risk is critical"


def test_figures_of_one_look_are_those_of_another_within_a_second(
    service: Any, monitor: Any, clock: ManualClock
) -> None:
    service.register_dependency("db", retry=None, bulkhead=None)
    monitor.assess()
    calls(service.registry.breaker("db"), good=6, bad=4)
    clock.advance(0.9)
    assert stress_of(monitor, "db").error_rate is None
    clock.advance(0.1)
    assert stress_of(monitor, "db").error_rate == 0.4
