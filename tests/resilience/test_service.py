"""ResilienceService: protecting calls by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    Bulkhead,
    BulkheadOptions,
    CircuitBreaker,
    CircuitBreakerOptions,
    CircuitOpenError,
    ConfigurationError,
    Fallback,
    ManualClock,
    Policy,
    Registry,
    ResilienceService,
    Retry,
    RetryOptions,
    State,
    UnknownNameError,
)
from tests.support.narrowing import not_none

NO_DELAY = RetryOptions(initial_delay=0)


@pytest.fixture
def service(clock: ManualClock) -> ResilienceService:
    return ResilienceService(clock=clock)


def broken() -> NoReturn:
    raise ConnectionError("down")


def test_an_operation_runs_through_the_pipeline_of_its_dependency(
    service: ResilienceService,
) -> None:
    service.register_dependency("plex", retry=NO_DELAY)
    assert service.execute("plex", lambda *a, **k: (a, k), 1, two=2) == ((1,), {"two": 2})
    with pytest.raises(ConnectionError):
        service.execute("plex", broken)
    assert service.registry.breaker("plex").snapshot().counts.failures == 3


def test_a_dependency_has_the_policy_that_it_was_registered_with(
    service: ResilienceService,
) -> None:
    made = service.register_dependency(
        "plex", Policy(retry=None, timeout=5), criticality="critical"
    )
    assert (made.name, made.criticality, made.depends_on) == ("plex", "critical", ())
    assert made.pipeline is service.pipeline("plex")
    assert made.pipeline.find(Retry) is None


def test_options_of_a_policy_may_be_given_directly(service: ResilienceService) -> None:
    options = CircuitBreakerOptions(failure_threshold=1)
    service.register_dependency("plex", retry=None, circuit_breaker=options)
    with pytest.raises(ConnectionError):
        service.execute("plex", broken)
    with pytest.raises(CircuitOpenError):
        service.execute("plex", broken)


@pytest.mark.parametrize("fallback", [Fallback(value="default"), lambda error: "default"])
def test_a_fallback_answers_when_the_call_has_failed(
    service: ResilienceService, fallback: Fallback | Callable[..., Any]
) -> None:
    service.register_dependency("plex", fallback=fallback, retry=None)
    assert service.execute("plex", broken) == "default"


def test_a_name_that_is_not_registered_is_an_error(service: ResilienceService) -> None:
    for use in (service.pipeline, service.protected, lambda name: service.execute(name, int)):
        with pytest.raises(UnknownNameError, match="no dependency 'plex'"):
            use("plex")


def test_an_unknown_option_of_a_policy_is_a_configuration_error(service: ResilienceService) -> None:
    with pytest.raises(ConfigurationError, match="retries"):
        service.register_dependency("plex", retries=3)  # type: ignore[call-arg]


def test_a_policy_and_options_of_one_together_are_refused(service: ResilienceService) -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        service.register_dependency("plex", Policy(), timeout=5)


@pytest.mark.parametrize(
    "wrong", [{"depends_on": ("nas",)}, {"criticality": "vital"}, {"type": "disk"}]
)
def test_a_registration_that_fails_leaves_nothing_behind(
    service: ResilienceService, wrong: dict[str, Any]
) -> None:
    first = CircuitBreakerOptions(failure_threshold=1)
    with pytest.raises(ConfigurationError):
        service.register_dependency("plex", circuit_breaker=first, **wrong)
    assert service.registry.breakers() == []
    second = CircuitBreakerOptions(failure_threshold=2)
    made = service.register_dependency("plex", circuit_breaker=second)
    assert not_none(made.pipeline.find(CircuitBreaker)).options is second


def test_a_protected_function_runs_through_the_pipeline(service: ResilienceService) -> None:
    service.register_dependency("plex", retry=NO_DELAY)
    calls = []

    @service.protected("plex")
    def libraries(section: str) -> NoReturn:
        calls.append(section)
        raise ConnectionError

    assert libraries.__name__ == "libraries"
    with pytest.raises(ConnectionError):
        libraries("movies")
    assert calls == ["movies"] * 3


def test_only_a_synchronous_function_can_be_protected(service: ResilienceService) -> None:
    service.register_dependency("plex")

    async def libraries() -> None: ...

    with pytest.raises(ConfigurationError, match="is asynchronous"):
        service.protected("plex")(libraries)


def test_a_breaker_can_be_used_by_its_name_alone(service: ResilienceService) -> None:
    assert service.execute_with_circuit_breaker("plex", int) == 0
    for _ in range(5):
        with pytest.raises(ConnectionError):
            service.execute_with_circuit_breaker("plex", broken)
    with pytest.raises(CircuitOpenError):
        service.execute_with_circuit_breaker("plex", int)


def test_a_breaker_with_a_fallback_answers_for_failures_and_refusals(
    service: ResilienceService,
) -> None:
    answers = {
        service.execute_with_circuit_breaker("plex", broken, lambda error: type(error).__name__)
        for _ in range(6)
    }
    assert answers == {"ConnectionError", "CircuitOpenError"}
    assert service.registry.breaker("plex").state is State.OPEN


def test_retries_can_be_used_alone(service: ResilienceService, clock: ManualClock) -> None:
    errors = [ConnectionError(), ConnectionError()]

    def flaky() -> str:
        if errors:
            raise errors.pop()
        return "answer"

    assert service.execute_with_retry(flaky, max_attempts=3, initial_delay=1) == "answer"
    assert len(clock.slept) == 2
    with pytest.raises(ConfigurationError, match="unknown option attempts"):
        service.execute_with_retry(int, attempts=3)  # type: ignore[call-arg]


def test_retries_with_one_name_share_one_budget(service: ResilienceService) -> None:
    for _ in range(20):
        with pytest.raises(ConnectionError):
            service.execute_with_retry(broken, name="plex", initial_delay=0)
    snapshot = service.registry.budget("plex").snapshot()
    assert snapshot["calls"] == 20
    assert snapshot["retries"] == 14  # the reserve of ten, and a fifth of twenty calls
    assert service.registry.budget("other").snapshot()["retries"] == 0


def test_a_bulkhead_can_be_used_by_its_name(service: ResilienceService) -> None:
    def nested() -> int:
        return service.execute_with_bulkhead("reports", int)

    assert service.execute_with_bulkhead("reports", nested, max_concurrent=2) == 0
    assert service.registry.bulkhead("reports").snapshot().peak == 2


def test_the_size_of_a_bulkhead_cannot_be_changed_by_a_later_call(
    service: ResilienceService,
) -> None:
    service.execute_with_bulkhead("reports", int, 2)
    service.execute_with_bulkhead("reports", int)
    with pytest.raises(ConfigurationError, match="other options"):
        service.execute_with_bulkhead("reports", int, 3)


def test_a_service_may_use_a_registry_that_is_there_already(clock: ManualClock) -> None:
    registry = Registry(clock=clock)
    service = ResilienceService(registry)
    assert service.registry is registry
    service.register_dependency("plex", bulkhead=BulkheadOptions(max_concurrent=2))
    assert registry.dependency("plex").pipeline.find(Bulkhead) is registry.bulkhead("plex")


def test_a_coroutine_function_is_refused_where_it_is_called(service: ResilienceService) -> None:
    async def later() -> int:
        return 1

    service.register_dependency("plex")
    for call in (service.execute, service.execute_with_circuit_breaker):
        with pytest.raises(ConfigurationError, match="asynchronous"):
            call("plex", later)  # type: ignore[unused-coroutine]


def test_arguments_of_the_operation_may_have_any_name(service: ResilienceService) -> None:
    service.register_dependency("plex")
    assert service.execute("plex", lambda name: name, name="x") == "x"


def test_a_dependency_that_cannot_be_registered_leaves_nothing_behind(
    service: ResilienceService,
) -> None:
    """Keeps out: its breaker stays, and the corrected registration is refused because of it."""
    service.registry.bulkhead("plex", max_concurrent=3)
    with pytest.raises(ConfigurationError):
        service.register_dependency("plex", bulkhead=BulkheadOptions(4))
    assert service.registry.find_breaker("plex") is None
    service.register_dependency("plex", bulkhead=BulkheadOptions(3))


def test_a_compartment_made_with_other_options_takes_calls_that_name_its_size(
    service: ResilienceService,
) -> None:
    service.registry.bulkhead("reports", max_concurrent=4, max_wait=1)
    assert service.execute_with_bulkhead("reports", lambda: "ok", 4) == "ok"
    with pytest.raises(ConfigurationError):
        service.execute_with_bulkhead("reports", lambda: "ok", 5)


def test_dependencies_may_be_named_by_any_iterable_but_not_by_one_string(
    service: ResilienceService,
) -> None:
    service.register_dependency("db")
    made = service.register_dependency("plex", depends_on=(name for name in ["db"]))
    assert made.depends_on == ("db",)
    with pytest.raises(ConfigurationError, match="list of names"):
        service.register_dependency("other", depends_on="db")
