"""The figures of the cascade risk at their borders, and how they are told."""

from __future__ import annotations

import pytest

from medianest.resilience import (
    CircuitBreaker,
    Dependency,
    Pipeline,
    Registry,
    ResilienceService,
    State,
)
from medianest.resilience.cascade import CascadeMonitor, Level, Work


@pytest.fixture
def service(clock):
    return ResilienceService(clock=clock)


@pytest.fixture
def monitor(service):
    return CascadeMonitor(service.registry, lambda name: [f"GET /{name}"])


def stress_of(monitor, name):
    return next(d for d in monitor.assess().dependencies if d.name == name).stress


def advice(monitor):
    return monitor.assess().recommendations


def calls(breaker, good=0, bad=0):
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
def test_the_level_of_a_score(score, level):
    assert Level.of(score) is level


def test_it_is_told_in_the_words_of_the_api(service, monitor, clock):
    service.register_dependency("db", criticality="critical", retry=None, bulkhead=None)
    service.register_dependency("shop", depends_on=["db"], retry=None, bulkhead=None)
    service.registry.breaker("db").open()
    told = monitor.assess().as_dict()
    assert (told["risk"], told["score"], told["held_back"]) == (
        "critical",
        90.0,
        ("retry", "optional"),
    )
    assert told["at"] == "2026-01-01T00:00:00.000Z"
    db, shop = told["dependencies"]
    assert (db["name"], db["criticality"], db["risk"], shop["depends_on"]) == (
        "db", "critical", 0.9, ("db",),
    )  # fmt: skip
    assert db["blast_radius"] == {"dependents": ("shop",), "routes": ("GET /db", "GET /shop")}
    assert db["stress"] == {
        "score": 1.0,
        "breaker": 1.0,
        "breaker_state": "forced_open",
        "error_rate": None,
        "error_trend": "steady",
        "bulkhead_saturation": None,
        "retry_amplification": None,
    }


def test_risks_of_several_add_up_with_a_decimal(service, monitor):
    for name in ("a", "b"):
        service.register_dependency(name, criticality="optional", retry=None, bulkhead=None)
        calls(service.registry.breaker(name), good=7, bad=3)
    assert stress_of(monitor, "a").score == pytest.approx(0.24)
    assert monitor.assess().score == 9.4  # 1 - (1 - 0.24 * 0.2) ** 2


@pytest.mark.parametrize(("good", "rate"), [(2, None), (3, 0.4)])
def test_few_calls_are_not_judged(service, monitor, good, rate):
    service.register_dependency("db", retry=None, bulkhead=None)
    calls(service.registry.breaker("db"), good=good, bad=2)
    assert stress_of(monitor, "db").error_rate == rate


def test_what_is_tried_again_is_less_stress_than_what_is_cut_off(service, monitor, clock):
    service.register_dependency("db", retry=None, bulkhead=None)
    breaker = service.registry.breaker("db")
    calls(breaker, bad=5)
    assert stress_of(monitor, "db").score == 1
    clock.advance(60)
    breaker.acquire()
    assert breaker.state is State.HALF_OPEN
    assert stress_of(monitor, "db").breaker == 0.6


def test_the_operations_of_a_dependency_are_a_part_of_its_stress(service, monitor, clock):
    parts = [CircuitBreaker(f"parts:{name}", clock=clock) for name in "abc"]
    service.register_dependency("parts", retry=None, bulkhead=None, operations=parts)
    assert stress_of(monitor, "parts").breaker == 0
    for part in parts[:2]:
        part.open()
    assert stress_of(monitor, "parts").breaker == 0.6667
    assert advice(monitor) == (
        "parts fails in a part: parts:a, parts:b; they are retried automatically",
    )


def test_what_has_no_breaker_has_no_state(clock):
    registry = Registry(clock=clock)
    registry.add_dependency(Dependency("bare", "optional", Pipeline("bare", [])))
    stress = stress_of(CascadeMonitor(registry), "bare")
    assert (stress.score, stress.breaker, stress.breaker_state) == (0, 0, None)


def test_places_are_stress_by_their_share_and_never_more_than_all(service, monitor):
    service.register_dependency("db", retry=None)
    bulkhead = service.registry.bulkhead("db")
    half = [bulkhead.acquire() for _ in range(bulkhead.options.max_concurrent // 2)]
    stress = stress_of(monitor, "db")
    assert (stress.bulkhead_saturation, stress.score) == (0.5, 0.4)
    assert len(half) * 2 == bulkhead.options.max_concurrent


@pytest.mark.parametrize(("retries", "told"), [(3, True), (2, False)])
def test_retries_are_told_from_a_third_on(service, monitor, clock, retries, told):
    service.register_dependency("db", bulkhead=None)
    budget = service.registry.budget("db")

    def ask(number, again):
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
def test_retries_of_few_calls_are_not_judged(service, monitor, number, amplification):
    service.register_dependency("db", bulkhead=None)
    budget = service.registry.budget("db")
    for _ in range(number):
        next(budget.calls.ticks)
    assert budget.withdraw()
    assert stress_of(monitor, "db").retry_amplification == amplification


def test_more_than_a_retry_for_each_call_is_no_more_stress(service, monitor):
    service.register_dependency("db", bulkhead=None)
    budget = service.registry.budget("db")
    for _ in range(5):
        next(budget.calls.ticks)
    for _ in range(10):
        assert budget.withdraw()
    stress = stress_of(monitor, "db")
    assert (stress.retry_amplification, stress.score) == (3.0, 0.6)


@pytest.mark.parametrize(("bad", "told"), [(20, True), (19, False)])
def test_errors_are_told_from_a_fifth_on(service, monitor, bad, told):
    service.register_dependency("db", retry=None, bulkhead=None)
    calls(service.registry.breaker("db"), good=100 - bad, bad=bad)
    assert advice(monitor) == (("db fails 20% of its calls: check it",) if told else ())


@pytest.mark.parametrize(("taken", "told"), [(8, True), (7, False)])
def test_places_are_told_from_four_fifths_on(service, monitor, taken, told):
    service.register_dependency("db", retry=None, bulkhead={"max_concurrent": 10})
    for _ in range(taken):
        service.registry.bulkhead("db").acquire()
    text = "db uses nearly all permits of its bulkhead: it is slow, or its bulkhead is too small"
    assert advice(monitor) == ((text,) if told else ())


@pytest.mark.parametrize(("bad", "trend"), [(4, "steady"), (5, "rising")])
def test_little_changes_are_steady(service, monitor, clock, bad, trend):
    service.register_dependency("db", retry=None, bulkhead=None)
    breaker = service.registry.breaker("db")
    calls(breaker, good=100 - bad, bad=bad)
    assert stress_of(monitor, "db").error_trend == trend
    clock.advance(1)
    assert stress_of(monitor, "db").error_trend == "steady"


def test_an_assessment_is_good_for_a_second(service, monitor, clock):
    service.register_dependency("db", criticality="critical", retry=None, bulkhead=None)
    assert monitor.held_back(Work.RETRY) is None
    service.registry.breaker("db").open()
    clock.advance(0.9)
    assert monitor.held_back(Work.RETRY) is None
    clock.advance(0.1)
    assert monitor.held_back(Work.RETRY) == "held back while the cascade risk is critical"


def test_figures_of_one_look_are_those_of_another_within_a_second(service, monitor, clock):
    service.register_dependency("db", retry=None, bulkhead=None)
    monitor.assess()
    calls(service.registry.breaker("db"), good=6, bad=4)
    clock.advance(0.9)
    assert stress_of(monitor, "db").error_rate is None
    clock.advance(0.1)
    assert stress_of(monitor, "db").error_rate == 0.4
