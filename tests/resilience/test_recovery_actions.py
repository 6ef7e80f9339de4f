"""The recovery actions that are built in, and recovery as a layer of a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    RETRY_OPERATION,
    BulkheadFullError,
    CircuitOpenError,
    ConfigurationError,
    ErrorRecoveryManager,
    ManualClock,
    Pipeline,
    Recovery,
    RecoveryAction,
    RecoveryContext,
    ResilienceService,
    Retry,
)
from medianest.resilience.recovery import (
    breaker_reset,
    default_response,
    graceful_degradation,
)
from tests.resilience.recovering import CONTEXT, broken
from tests.support.narrowing import not_none


@pytest.fixture
def service(clock: ManualClock) -> ResilienceService:
    service = ResilienceService(clock=clock)
    service.register_dependency("svc", retry=None)
    return service


def test_the_breaker_reset_closes_an_open_breaker_when_its_probe_passes(
    service: ResilienceService, clock: ManualClock
) -> None:
    probes = []
    action = breaker_reset(service.registry, {"svc": lambda: probes.append(1)})
    service.recovery.register_recovery_action(action)
    breaker = service.registry.breaker("svc")
    for _ in range(5):
        with pytest.raises(ConnectionError):
            breaker.call(broken)
    answer = service.with_recovery(lambda: breaker.call(lambda: "ok"), CONTEXT)
    assert (answer, breaker.state.value, len(probes)) == ("ok", "closed", 1)


def test_the_breaker_reset_never_touches_what_operators_forced(service: ResilienceService) -> None:
    service.recovery.register_recovery_action(breaker_reset(service.registry, {"svc": int}))
    breaker = service.registry.breaker("svc")
    breaker.open("moving")
    with pytest.raises(CircuitOpenError):
        service.with_recovery(lambda: breaker.call(int), CONTEXT)
    assert breaker.snapshot().reason == "moving"
    assert not breaker.close_if_open()


def test_the_breaker_reset_acts_only_where_allowed_and_not_too_often(
    service: ResilienceService, clock: ManualClock
) -> None:
    def unwell() -> NoReturn:
        raise ConnectionError

    service.recovery.register_recovery_action(
        breaker_reset(service.registry, {"svc": unwell}, cooldown=30)
    )
    error = CircuitOpenError("other", 5)
    (predicted,) = service.recovery.predict(error, RecoveryContext(service="other"))
    assert "not allowed" in not_none(predicted.why_not)
    breaker = service.registry.breaker("svc")
    for _ in range(5):
        with pytest.raises(ConnectionError):
            breaker.call(broken)
    for _ in range(3):
        with pytest.raises(CircuitOpenError):
            service.with_recovery(lambda: breaker.call(int), CONTEXT)
    assert service.recovery.statistics()["circuit-breaker-reset"]["raised"] == 1


def test_the_default_response_is_what_was_configured(manager: ErrorRecoveryManager) -> None:
    manager.register_recovery_action(
        default_response({"op": [], "computed": lambda error, context: context.user})
    )
    assert manager.with_recovery(broken, CONTEXT) == []
    computed = RecoveryContext(operation="computed", user="kim")
    assert manager.with_recovery(broken, computed) == "kim"
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, RecoveryContext(operation="other"))


def test_graceful_degradation_says_what_is_missing(service: ResilienceService) -> None:
    service.register_dependency("shop", depends_on=["svc"])
    service.register_dependency("reports", depends_on=["shop"])
    service.recovery.register_recovery_action(
        graceful_degradation({"op": lambda error, context, missing: missing}, service.registry)
    )
    assert service.with_recovery(broken, CONTEXT) == ("svc", "shop", "reports")


def test_an_action_for_others_is_passed_over_without_a_word(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    runs = act("others", 2, "x", concerns=lambda context: context.service == "other")
    act("odd", 3, "x", concerns=lambda context: 1 / 0)
    act("good", 1, "answer")
    assert manager.with_recovery(broken, CONTEXT) == "answer"
    record = manager.history.records()[0]
    assert (runs, [step.action for step in record.steps]) == ([], ["good"])
    predicted = {p.action: p.why_not for p in manager.predict(ConnectionError(), CONTEXT)}
    assert predicted == {"others": "it is for others", "odd": "it is for others", "good": None}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"priority": 1.5},
        {"priority": True},
        {"execute": None},
        {"should_execute": 5},
        {"max_attempts": 0},
        {"cooldown": -1},
        {"concerns": 5},
        {"rehearse": "x"},
    ],
)
def test_a_wrong_action_is_refused(wrong: dict[str, Any]) -> None:
    right = {"name": "a", "priority": 1, "execute": lambda e, c: None}
    with pytest.raises(ConfigurationError):
        RecoveryAction(**{**right, **wrong})


def test_a_name_is_taken_once_and_free_again(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("a", 1, "x")
    with pytest.raises(ConfigurationError, match="already"):
        act("a", 1, "x")
    assert manager.unregister_recovery_action("a")
    assert not manager.unregister_recovery_action("a")
    act("a", 1, "x")


# -- in a pipeline -----------------------------------------------------------------------------


def test_in_a_pipeline_recovery_runs_when_retries_are_spent(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]], clock: ManualClock
) -> None:
    calls = []

    def upstream() -> str:
        calls.append(1)
        if len(calls) <= 3:
            raise ConnectionError
        return "ok"

    act("repair", 1, RETRY_OPERATION)
    recovery = Recovery(manager, service="svc", operation=lambda: "named")
    pipeline = Pipeline("svc", [recovery, Retry(initial_delay=0, clock=clock)])
    assert pipeline.call(upstream) == "ok"
    assert len(calls) == 4
    assert manager.history.records()[0].operation == "named"


def test_a_dependency_may_be_registered_with_recovery(clock: ManualClock) -> None:
    service = ResilienceService(clock=clock)
    service.recovery.register_recovery_action("default", 1, execute=lambda e, c: c.service)
    service.register_dependency("plex", retry=None, recovery=True)
    assert service.execute("plex", broken) == "plex"


def test_refusals_are_recovered_from_as_well(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("default", 1, "later", should_execute=lambda e, c: isinstance(e, BulkheadFullError))

    def full() -> NoReturn:
        raise BulkheadFullError("svc", 1.0)

    assert Recovery(manager, service="svc").call(full) == "later"
