"""What a ResilienceService makes of what it is given, and by which names it is told afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from blinker import Signal

from medianest.resilience import (
    RETRY_OPERATION,
    CircuitBreaker,
    ConfigurationError,
    Deadline,
    DeadlineExceededError,
    Dependency,
    ErrorRecoveryManager,
    ManualClock,
    Pipeline,
    Policy,
    Registry,
    ResilienceService,
    Retry,
    RetryOptions,
    remaining,
)
from medianest.resilience.events import degraded, retry_scheduled
from tests.support.narrowing import not_none


@pytest.fixture
def service(clock: ManualClock) -> ResilienceService:
    return ResilienceService(clock=clock)


def broken() -> NoReturn:
    raise ConnectionError("down")


def told(make: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        make()
    return str(caught.value)


def test_what_is_no_registry_and_no_manager_is_refused() -> None:
    wrong: Any = 5
    assert told(lambda: ResilienceService(wrong)) == "registry must be a Registry, not 5"
    assert told(lambda: ResilienceService(recovery=wrong)) == (
        "recovery must be an ErrorRecoveryManager, not 5"
    )


def test_its_recovery_is_the_one_that_is_given_or_has_the_registrys_clock(
    clock: ManualClock,
) -> None:
    manager = ErrorRecoveryManager()
    assert ResilienceService(recovery=manager).recovery is manager
    assert ResilienceService(Registry(clock=clock)).recovery.clock is clock
    assert ResilienceService(clock=clock).recovery.clock is clock


def test_a_dependency_is_what_it_was_registered_as(service: ResilienceService) -> None:
    service.register_dependency("nas")
    upload = CircuitBreaker("plex.upload")
    made = service.register_dependency(
        "plex", type="internal-service", service="media", depends_on=["nas"], operations=[upload]
    )
    assert (made.name, made.service, made.type) == ("plex", "media", "internal-service")
    assert (made.depends_on, made.operations, made.criticality) == (("nas",), (upload,), "optional")
    assert made.pipeline.find(CircuitBreaker) is service.registry.breaker("media")
    usual = service.registry.dependency("nas")
    assert (usual.service, usual.type, usual.operations) == ("nas", "external-api", ())


def test_each_part_of_a_pipeline_bears_its_name_and_reads_the_registrys_clock(
    service: ResilienceService, clock: ManualClock, heard: Callable[[Signal], list[Any]]
) -> None:
    scheduled, answered = heard(retry_scheduled), heard(degraded)
    policy = Policy(timeout=5, retry=RetryOptions(max_attempts=2))
    made = service.register_dependency("plex", policy, fallback=lambda: "default")
    assert service.execute("plex", broken) == "default"
    assert [event.name for event in (*scheduled, *answered)] == ["plex", "plex"]
    assert len(clock.slept) == 1
    assert not_none(made.pipeline.find(Deadline)).name == "plex"
    assert service.execute("plex", remaining) == 5
    late = service.execute("plex", lambda: (clock.advance(2), remaining())[1])
    assert late == 3


def test_a_dependency_recovers_only_where_it_is_to(service: ResilienceService) -> None:
    seen: list[Any] = []
    service.recovery.register_recovery_action(
        "default", 1, execute=lambda error, context: seen.append(context) or "recovered"
    )
    service.register_dependency("plex", retry=None, recovery=True, service="media")
    service.register_dependency("nas", retry=None)
    assert service.execute("plex", broken) == "recovered"
    assert [context.service for context in seen] == ["media"]
    with pytest.raises(ConnectionError):
        service.execute("nas", broken)


def test_a_fallback_beside_a_breaker_is_told_by_its_name(
    service: ResilienceService, heard: Callable[[Signal], list[Any]]
) -> None:
    answered = heard(degraded)
    assert service.execute_with_circuit_breaker("plex", broken, lambda: "default") == "default"
    assert [event.name for event in answered] == ["plex"]


def test_a_retry_alone_is_told_by_its_function_or_its_name(
    service: ResilienceService, heard: Callable[[Signal], list[Any]]
) -> None:
    scheduled = heard(retry_scheduled)
    for name in (None, "plex"):
        with pytest.raises(ConnectionError):
            service.execute_with_retry(broken, name=name, max_attempts=2)
    assert [event.name for event in scheduled] == ["broken", "plex"]


def test_a_retry_alone_is_paid_for_by_whom_it_says(service: ResilienceService) -> None:
    """Without a name nobody pays; with one, its budget, unless another or none is given."""
    budget = service.registry.budget("other")
    for options in ({}, {"name": "plex"}, {"name": "plex", "budget": None}, {"budget": budget}):
        with pytest.raises(ConnectionError):
            service.execute_with_retry(broken, max_attempts=2, initial_delay=0, **options)
    assert service.registry.budget("plex").snapshot()["retries"] == 1
    assert budget.snapshot()["retries"] == 1


def test_unknown_options_are_told_with_those_that_exist(service: ResilienceService) -> None:
    wrong: Any = service.execute_with_retry
    message = told(lambda: wrong(int, attempts=3))
    assert message.startswith("execute_with_retry: unknown option attempts; allowed are max_att")
    assert message.endswith(", name, budget")
    register: Any = service.register_dependency
    message = told(lambda: register("plex", retries=3))
    assert message.startswith("dependency 'plex': unknown option retries; allowed are circuit_br")
    assert message.endswith(
        "criticality, type, service, depends_on, fallback, recovery, operations"
    )


def test_health_checks_are_told_where_they_are_known(service: ResilienceService) -> None:
    register: Any = service.register_dependency
    message = told(lambda: register("plex", health_check=int, health_check_interval=5))
    assert message == (
        "dependency 'plex': health_check, health_check_interval is for medianest.dependencies."
        "MonitoredService, which also looks at its dependencies"
    )


def test_a_compartment_is_told_what_it_was_made_with(service: ResilienceService) -> None:
    assert service.execute_with_bulkhead("usual", int) == 0
    assert service.registry.bulkhead("usual").options.max_concurrent == 10
    service.execute_with_bulkhead("usual", int, 10)


def test_the_deadline_of_a_dependency_refuses_by_its_name(
    service: ResilienceService, clock: ManualClock
) -> None:
    service.register_dependency("plex", Policy(timeout=5))
    with Deadline(1, clock=clock).scope():
        clock.advance(2)
        with pytest.raises(DeadlineExceededError, match="before 'plex' could be called"):
            service.execute("plex", int)


def test_recovery_runs_an_operation_as_often_as_it_is_told_to(service: ResilienceService) -> None:
    runs: list[int] = []

    def operation() -> NoReturn:
        runs.append(1)
        raise ConnectionError("down")

    repairs: list[int] = []
    service.recovery.register_recovery_action(
        "repair", 1, execute=lambda error, context: repairs.append(1) or RETRY_OPERATION
    )
    for options, most in (({"max_attempts": 2}, 2), ({}, 3), ({"enable_recovery": False}, 1)):
        runs.clear()
        with pytest.raises(ConnectionError):
            service.with_recovery(operation, {"service": str(most)}, **options)
        assert len(runs) == most


def test_a_function_is_protected_by_the_pipeline_of_its_dependency(
    service: ResilienceService,
) -> None:
    made = service.register_dependency("plex")
    assert service.protected("plex") is made.pipeline
    assert isinstance(made.pipeline.find(Retry), Retry)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"criticality": "vital"}, "criticality must be one of critical, important, optional"),
        (
            {"type": "disk"},
            "type must be one of database, cache, external-api, internal-service, queue",
        ),
    ],
)
def test_a_dependency_of_an_unknown_kind_is_refused(wrong: dict[str, Any], message: str) -> None:
    given = {"criticality": "optional", **wrong}
    (value,) = wrong.values()
    assert told(lambda: Dependency("plex", pipeline=Pipeline("plex", []), **given)) == (
        f"dependency 'plex': {message}, not {value!r}"
    )


def test_a_service_that_takes_health_checks_is_told_of_what_it_does_not_take() -> None:
    class Own(ResilienceService):
        def register_dependency(  # type: ignore[override]
            self, name: str, *, health_check: Any = None, **options: Any
        ) -> Dependency:
            return super().register_dependency(name, **options)

    message = told(lambda: Own().register_dependency("plex", health_check_every=5))
    assert message.startswith("dependency 'plex': unknown option health_check_every; allowed are ")
    assert message.endswith(", health_check")


def test_what_was_never_made_for_a_dependency_is_not_missed_when_it_goes(
    service: ResilienceService,
) -> None:
    made = service.register_dependency(
        "plex", Policy(None, None, None), operations=[CircuitBreaker("plex.upload")]
    )
    assert service.registry.remove_dependency("plex") is made
    assert service.registry.dependencies() == []


def test_what_has_other_options_already_is_refused_before_anything_is_made(
    service: ResilienceService,
) -> None:
    service.registry.breaker("plex", failure_threshold=3)
    message = told(lambda: service.register_dependency("plex", circuit_breaker={"jitter": 0.1}))
    assert message.startswith("circuit breaker 'plex' ")
    assert (service.registry.budgets(), service.registry.bulkheads()) == ({}, [])
