"""Wrong arguments are told when they are given, with the names of those that exist."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from medianest import dependencies, flask, health, resilience
from medianest.bridges import prometheus, requests
from medianest.guards.guard import Guard
from medianest.guards.guard_keywords import GuardKeywords
from medianest.resilience import (
    BulkheadOptions,
    CircuitBreaker,
    CircuitBreakerOptions,
    ConfigurationError,
    Deadline,
    ErrorRecoveryManager,
    Fallback,
    MemoryLastGood,
    Policy,
    RecoveryAction,
    RecoveryContext,
    Registry,
    ResilienceService,
    Retry,
    RetryBudget,
    RetryOptions,
    keywords,
    recovery,
)

ARGUMENTS = {
    "Bulkhead": ("plex",),
    "CircuitBreaker": ("plex",),
}
"""What must be given to those that look at their keywords one by one."""

NOT_MADE = {"BreakerSnapshot", "BulkheadSnapshot", "CoalesceSnapshot", "PatienceSnapshot", "Permit",
            "Place", "DeferredSettlement", "Prediction", "RecoveryRecord", "Step", "GoodAnswer",
            "ComponentHealth", "DependencyHealth"}  # fmt: skip
"""What the library makes, and nobody else."""

TAKES_NOTHING = {"SystemClock", "NamedOperations"}
ASKED_ON_EVERY_CALL = {"remaining", "overall_status"}


def found_public() -> Iterator[pytest.ParameterSet]:
    for module in (resilience, recovery, health, dependencies, flask, prometheus, requests):
        for name in sorted({*module.__all__} - NOT_MADE - TAKES_NOTHING - ASKED_ON_EVERY_CALL):
            found = getattr(module, name)
            abstract = inspect.isabstract(found) or getattr(found, "_is_protocol", False)
            error = isinstance(found, type) and issubclass(found, BaseException)
            enum = hasattr(found, "__members__")
            made = inspect.isclass(found) or inspect.isfunction(found)
            if made and not (abstract or error or enum):
                yield pytest.param(found, id=name)


MADE_BY_USERS = list(found_public())


@pytest.mark.parametrize("made", MADE_BY_USERS)
def test_an_unknown_keyword_is_told_with_those_that_exist(made: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        made(*ARGUMENTS.get(made.__name__, ()), no_such_option=1)
    assert "unknown option no_such_option; allowed are " in str(caught.value)
    for name, parameter in inspect.signature(made).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            assert name in str(caught.value)


def test_nothing_that_users_make_was_forgotten() -> None:
    assert len(MADE_BY_USERS) >= 25


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda s: s.with_recovery(int, max_attemps=2), "max_attempts"),
        (lambda s: s.recovery.with_recovery(int, enable=False), "enable_recovery"),
        (lambda s: s.execute_with_retry(int, max_attemps=2), "max_attempts, .*name, budget"),
        (lambda s: s.execute_with_circuit_breaker("x", int, fallbak=int), "fallback"),
        (lambda s: s.execute_with_bulkhead("x", int, max_concurent=1), "max_concurrent"),
        (lambda s: s.register_dependency("x", timeot=1), "timeout.*criticality, type.*depends_on"),
        (lambda s: s.register_dependency("x", kind="cache"), "kind; .*criticality, type"),
        (lambda s: s.registry.breaker("x", threshold=1), "failure_threshold"),
        (lambda s: s.registry.bulkhead("x", places=1), "max_concurrent"),
        (lambda s: s.recovery.register_recovery_action("x", 1, execute=int, cooldwn=1), "cooldown"),
    ],
)
def test_an_unknown_keyword_of_a_method_is_told_as_well(
    call: Callable[..., Any], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"unknown option .*{told}"):
        call(ResilienceService())


def test_a_missing_argument_is_told_with_what_is_taken() -> None:
    with pytest.raises(
        ConfigurationError, match="Deadline: missing a required argument: 'timeout'"
    ):
        Deadline()  # type: ignore[call-arg]
    with pytest.raises(
        ConfigurationError, match="missing a required argument: 'name'; it takes name"
    ):
        CircuitBreaker(failure_threshold=3)  # type: ignore[call-arg]


def test_an_error_within_what_is_made_is_not_taken_for_a_wrong_argument() -> None:
    class Odd(list[Any]):
        def __iter__(self) -> NoReturn:
            raise TypeError("odd")

    with pytest.raises(TypeError, match=r"^odd$"):
        resilience.Pipeline("x", Odd())


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: CircuitBreaker("x", random=0.5), "circuit breaker 'x': random must be a function"),  # type: ignore[arg-type]
        (lambda: Retry(random=0.5), "random must be a function"),  # type: ignore[arg-type]
        (lambda: Retry(budget=10), "budget must be a RetryBudget or None, not 10"),  # type: ignore[arg-type]
        (lambda: RetryBudget(suspended="no"), "suspended of a retry budget must be a function"),  # type: ignore[arg-type]
        (lambda: ErrorRecoveryManager(ambient={}), "ambient must be a function"),  # type: ignore[arg-type]
        (lambda: ErrorRecoveryManager(suspended=1), "suspended must be a function"),  # type: ignore[arg-type]
        (lambda: recovery.Recovery(None, service="x"), "an ErrorRecoveryManager, not None"),  # type: ignore[arg-type]
        (lambda: recovering(metadata={}), "metadata must be a function"),
        (lambda: recovering(operation=5), "operation must be a name or a function"),
        (lambda: Registry(parent={}), "parent must be a Registry"),  # type: ignore[arg-type]
        (lambda: ResilienceService({}), "registry must be a Registry"),  # type: ignore[arg-type]
        (lambda: ResilienceService(recovery=True), "recovery must be an ErrorRecoveryManager"),  # type: ignore[arg-type]
        (lambda: MemoryLastGood("1h"), "max_age"),  # type: ignore[arg-type]
    ],
)
def test_what_is_of_another_kind_is_told_when_it_is_given(
    make: Callable[..., Any], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        make()


def recovering(**options: Any) -> Any:
    return recovery.Recovery(ErrorRecoveryManager(), service="x", **options)


# -- what answers in the place of a call -------------------------------------------------------


def broken() -> NoReturn:
    raise ConnectionError("down")


@pytest.mark.parametrize("handler", [list, lambda *, limit=10: [], lambda *args: []])
def test_a_fallback_that_takes_nothing_answers_whatever_the_error(
    handler: Callable[..., Any],
) -> None:
    """Keeps out: its TypeError in the place of the answer, and of the error."""
    assert Fallback(handler).call(broken) == []


def test_a_fallback_takes_the_error_where_it_can() -> None:
    assert Fallback(lambda error=None: str(error)).call(broken) == "down"
    assert Fallback(str).call(broken) == "down"


@pytest.mark.parametrize(
    "handler", [lambda error, request: [], lambda *, request: [], lambda a, b, c=1: []]
)
def test_a_fallback_that_nothing_could_call_is_refused_when_it_is_given(
    handler: Callable[..., Any],
) -> None:
    with pytest.raises(ConfigurationError, match=r"fallback 'plex': .* takes \("):
        Fallback(handler, name="plex")


def test_a_fallback_that_takes_nothing_is_taken_everywhere() -> None:
    service = ResilienceService()
    service.register_dependency("plex", retry=None, fallback=lambda: "none")
    assert service.execute("plex", broken) == "none"
    assert service.execute_with_circuit_breaker("other", broken, lambda: "none") == "none"
    with pytest.raises(ConfigurationError, match="takes"):
        service.register_dependency("late", fallback=lambda a, b: None)


# -- parts of a policy and a context in shorter forms ------------------------------------------


def test_a_policy_takes_numbers_and_dicts() -> None:
    policy = Policy(circuit_breaker={"failure_threshold": 2}, retry=4, bulkhead={"max_wait": 1})
    assert policy == Policy(
        CircuitBreakerOptions(failure_threshold=2),
        RetryOptions(max_attempts=4),
        BulkheadOptions(max_wait=1),
    )
    assert Policy(bulkhead=3).bulkhead == BulkheadOptions(max_concurrent=3)


def test_a_wrong_name_in_a_dict_is_told_with_those_that_exist() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ResilienceService().register_dependency("plex", circuit_breaker={"treshold": 2})  # type: ignore[arg-type]
    assert str(caught.value).startswith(
        "dependency 'plex': circuit_breaker: unknown option treshold; allowed are failure_threshold"
    )


def test_with_recovery_takes_a_context_as_a_dict() -> None:
    manager = ErrorRecoveryManager()
    seen = []
    manager.register_recovery_action("see", execute=lambda error, context: seen.append(context))
    manager.with_recovery(broken, {"service": "plex", "metadata": {"id": 7}})
    assert seen == [RecoveryContext(service="plex", metadata={"id": 7})]


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ({"servce": "plex"}, "unknown option servce; allowed are operation, service"),
        ({"service": 5}, "service must be text, not 5"),
        (RecoveryContext(operation=None), "operation must be text, not None"),  # type: ignore[arg-type]
        ({"metadata": [1]}, r"metadata must be a dict, not \[1\]"),
        ("plex", "context must be a RecoveryContext or a dict of its fields, not 'plex'"),
    ],
)
def test_a_wrong_context_is_told_before_the_operation_is_run(context: Any, told: str) -> None:
    """Keeps out: our AttributeError in the place of the operation's error, once it fails."""
    runs = []
    with pytest.raises(ConfigurationError, match=told):
        ErrorRecoveryManager().with_recovery(lambda: runs.append(1), context)
    assert runs == []


# -- what type checkers see --------------------------------------------------------------------

PAIRS = [
    (GuardKeywords, Guard.__init__, {"service", "registry", "return"}),
    (keywords.CircuitBreakerKeywords, CircuitBreakerOptions, set()),
    (keywords.RetryKeywords, RetryOptions, set()),
    (keywords.BulkheadKeywords, BulkheadOptions, set()),
    (keywords.PolicyKeywords, Policy.__init__, {"return"}),
    (keywords.RecoveryContextKeywords, RecoveryContext, set()),
    (
        keywords.RecoveryActionKeywords,
        RecoveryAction,
        {"name", "priority", "execute", "should_execute", "max_attempts"},
    ),
]


@pytest.mark.parametrize(("seen", "real", "others"), PAIRS)
def test_checkers_see_the_options_that_there_are(seen: Any, real: Any, others: set[str]) -> None:
    written = {n: kind.__forward_arg__ for n, kind in seen.__annotations__.items()}
    names = {n: k for n, k in real.__annotations__.items() if n not in others}
    assert written == names


@pytest.mark.parametrize("option", ["health_check", "health_check_url", "health_check_interval"])
def test_who_wants_health_checks_is_told_which_service_has_them(option: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"'nas': {option} is for .*MonitoredService"):
        ResilienceService().register_dependency("nas", **dict[str, Any]({option: "http://nas/"}))
