"""What every strategy does: decorate, pass on, refuse what cannot be protected, hand over."""

from __future__ import annotations

import copy
import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    Bulkhead,
    CircuitBreaker,
    Coalesce,
    ConfigurationError,
    Deadline,
    DeferredSettlement,
    Fallback,
    ManualClock,
    MemoryLastGood,
    Patience,
    Pipeline,
    Retry,
    State,
    Strategy,
)
from tests.resilience.conftest import Fail, MakeBreaker

KINDS = [
    "breaker", "bulkhead", "retry", "deadline", "fallback", "coalesce", "patience", "pipeline",
]  # fmt: skip


@pytest.fixture
def strategies(make_breaker: MakeBreaker, clock: ManualClock) -> dict[str, Strategy]:
    return {
        "breaker": make_breaker(),
        "bulkhead": Bulkhead("plex"),
        "retry": Retry(clock=clock),
        "deadline": Deadline(5, clock=clock),
        "fallback": Fallback(value="default"),
        "coalesce": Coalesce(),
        "patience": Patience(1, last_good=MemoryLastGood(60, clock=clock)),
        "pipeline": Pipeline("plex", [make_breaker(), Bulkhead("plex")]),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_decorated_method_keeps_its_arguments_and_its_name(
    strategies: dict[str, Strategy], kind: str
) -> None:
    class Client:
        @strategies[kind]
        def get(self, path: str, *, limit: int = 10) -> tuple[str, int]:
            """Gets it."""
            return path, limit

    assert Client().get("/libraries", limit=5) == ("/libraries", 5)
    assert (Client.get.__name__, Client.get.__doc__) == ("get", "Gets it.")


@pytest.mark.parametrize("kind", KINDS)
def test_an_asynchronous_function_is_refused_with_a_clear_error(
    strategies: dict[str, Strategy], kind: str
) -> None:
    async def get() -> None: ...

    with pytest.raises(ConfigurationError, match=r"is asynchronous: .*breaker\.acquire"):
        strategies[kind](get)
    with pytest.raises(ConfigurationError, match="is asynchronous"):
        strategies[kind](functools.partial(get))


@pytest.mark.parametrize("kind", KINDS)
def test_generators_are_refused_with_a_clear_error(strategies: dict[str, Any], kind: str) -> None:
    def chunks() -> Iterator[int]:
        yield 1

    async def later() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(ConfigurationError, match=r"is a generator: .*breaker\.acquire"):
        strategies[kind](chunks)
    with pytest.raises(ConfigurationError, match="is asynchronous"):
        strategies[kind](later)


def test_an_object_whose_call_is_asynchronous_is_refused_as_well(
    strategies: dict[str, Any],
) -> None:
    class Client:
        async def __call__(self) -> None: ...

    with pytest.raises(ConfigurationError, match="is asynchronous"):
        strategies["breaker"](Client())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_function_is_refused(strategies: dict[str, Any], kind: str) -> None:
    with pytest.raises(ConfigurationError, match="only a function can be protected, not 5"):
        strategies[kind](5)


def stream() -> NoReturn:
    raise DeferredSettlement("chunks")


def handed_over(strategy: CircuitBreaker | Pipeline) -> DeferredSettlement:
    with pytest.raises(DeferredSettlement) as caught:
        strategy.call(stream)
    return caught.value


@pytest.fixture
def whole(
    make_breaker: MakeBreaker, clock: ManualClock
) -> tuple[Pipeline, CircuitBreaker, Bulkhead]:
    """Every strategy at once, and those of them that hold something for a call."""
    breaker = make_breaker(half_open_max_calls=1, half_open_timeout=30)
    bulkhead = Bulkhead("plex", max_concurrent=1)
    retry = Retry(clock=clock)
    fallback = Fallback(last_good=MemoryLastGood(60, clock=clock), value="default")
    strategies = [fallback, retry, breaker, bulkhead, Deadline(5, clock=clock)]
    return Pipeline("plex", strategies), breaker, bulkhead


def test_a_result_handed_over_passes_the_whole_pipeline_and_is_still_in_flight(
    whole: tuple[Pipeline, CircuitBreaker, Bulkhead],
) -> None:
    pipeline, breaker, bulkhead = whole
    handover = handed_over(pipeline)
    assert handover.result == "chunks"
    assert len(handover.held) == 2
    assert (breaker.snapshot().in_flight, bulkhead.snapshot().in_use) == (1, 1)
    assert breaker.snapshot().totals.successes == 0


@pytest.mark.parametrize("settle", ["success", "failure", "release"])
def test_the_end_of_a_result_handed_over_settles_everything_once(
    whole: tuple[Pipeline, CircuitBreaker, Bulkhead], settle: str
) -> None:
    pipeline, breaker, bulkhead = whole
    handover = handed_over(pipeline)
    arguments = [ConnectionError()] if settle == "failure" else []
    for _ in range(2):
        getattr(handover, settle)(*arguments)
    totals = breaker.snapshot().totals
    assert (totals.successes, totals.failures) == (settle == "success", settle == "failure")
    assert (breaker.snapshot().in_flight, bulkhead.snapshot().in_use) == (0, 0)


def test_the_time_of_a_result_handed_over_counts_until_its_end(
    make_breaker: MakeBreaker, clock: ManualClock
) -> None:
    breaker = make_breaker(slow_call_duration_threshold=2)
    handover = handed_over(breaker)
    clock.advance(3)
    handover.success()
    assert breaker.snapshot().counts.slow == 1
    assert breaker.snapshot().latency.max == 3


def test_a_probe_handed_over_decides_when_it_ends(
    whole: tuple[Pipeline, CircuitBreaker, Bulkhead], half_open: Fail
) -> None:
    pipeline, breaker, _ = whole
    half_open(breaker)
    handover = handed_over(pipeline)
    assert breaker.state is State.HALF_OPEN
    handover.success()
    assert breaker.state is State.CLOSED


def test_a_probe_handed_over_and_forgotten_expires(
    whole: tuple[Pipeline, CircuitBreaker, Bulkhead], half_open: Fail, clock: ManualClock
) -> None:
    pipeline, breaker, _ = whole
    half_open(breaker)
    handed_over(pipeline)
    clock.advance(30)
    assert breaker.state is State.OPEN


def test_a_result_that_ends_after_the_breaker_opened_changes_nothing(
    whole: tuple[Pipeline, CircuitBreaker, Bulkhead], trip: Fail
) -> None:
    pipeline, breaker, bulkhead = whole
    handover = handed_over(pipeline)
    trip(breaker)
    handover.success()
    assert breaker.state is State.OPEN
    assert bulkhead.snapshot().in_use == 0


def test_a_call_that_goes_on_is_copied_with_what_is_held_for_it() -> None:
    handover = DeferredSettlement("chunks")
    handover.held.append(Bulkhead("plex").acquire())
    made = copy.copy(handover)
    assert (type(made), made.result, made.held) == (type(handover), "chunks", handover.held)
