"""Pipelines: strategies composed once, the first the outermost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    Bulkhead,
    BulkheadFullError,
    CircuitBreaker,
    CircuitOpenError,
    Coalesce,
    ConfigurationError,
    Deadline,
    Fallback,
    ManualClock,
    MemoryLastGood,
    Patience,
    Pipeline,
    Retry,
    State,
    Strategy,
    remaining,
)
from tests.resilience.conftest import Fail, MakeBreaker
from tests.support.narrowing import not_none


class Tracer(Strategy):
    """Notes when a call enters and leaves."""

    def __init__(self, name: str, trace: list[Any]) -> None:
        self.name, self.trace = name, trace
        self.wrapped = 0
        super().__init__()

    def wrap(
        self, inner: Callable[..., Any]
    ) -> Callable[[Callable[..., Any] | type[int], tuple[Any, ...], dict[Any, Any]], int | None]:
        self.wrapped += 1

        def invoke(
            function: Callable[..., Any] | type[int], args: tuple[Any, ...], kwargs: dict[Any, Any]
        ) -> int | None:
            self.trace.append(f"+{self.name}")
            try:
                return inner(function, args, kwargs)
            finally:
                self.trace.append(f"-{self.name}")

        return invoke


def test_the_first_strategy_is_the_outermost() -> None:
    trace: list[str] = []
    pipeline = Pipeline("plex", [Tracer(name, trace) for name in "abc"])
    assert pipeline.call(lambda: trace.append("call")) is None
    assert trace == ["+a", "+b", "+c", "call", "-c", "-b", "-a"]


def test_strategies_are_composed_once_and_not_per_call() -> None:
    tracer = Tracer("a", [])
    before = tracer.wrapped
    pipeline = Pipeline("plex", [tracer])
    for _ in range(10):
        pipeline.call(int)
    assert tracer.wrapped == before + 1


def test_an_empty_pipeline_just_calls() -> None:
    assert Pipeline("plex", []).call(lambda *a, **k: (a, k), 1, two=2) == ((1,), {"two": 2})


def test_pipelines_nest() -> None:
    trace: list[str] = []
    inner = Pipeline("inner", [Tracer("b", trace)])
    Pipeline("outer", [Tracer("a", trace), inner]).call(int)
    assert trace == ["+a", "+b", "-b", "-a"]


def test_the_same_breaker_in_two_pipelines_is_one_breaker(
    make_breaker: MakeBreaker, trip: Fail
) -> None:
    breaker = make_breaker()
    first, second = Pipeline("one", [breaker]), Pipeline("two", [breaker])
    trip(breaker)
    for pipeline in (first, second):
        with pytest.raises(CircuitOpenError):
            pipeline.call(int)


def test_the_strategies_cannot_be_changed_from_outside(make_breaker: MakeBreaker) -> None:
    strategies = [make_breaker()]
    pipeline = Pipeline("plex", strategies)
    strategies.clear()
    assert isinstance(pipeline.strategies, tuple)
    assert len(pipeline.strategies) == 1


@pytest.mark.parametrize("wrong", [5, Retry, lambda call: call, None])
def test_what_is_no_strategy_is_refused_with_a_clear_error(
    wrong: Any,
) -> None:
    with pytest.raises(ConfigurationError, match=r"pipeline 'plex': .* is not a strategy such as"):
        Pipeline("plex", [wrong])


@pytest.mark.parametrize("beneath", ["beside", "nested", "further down"])
def test_patience_beneath_coalesce_is_refused_and_the_right_order_told(
    make_breaker: MakeBreaker, beneath: str
) -> None:
    """Keeps out: a pipeline in which it silently does nothing."""
    store: MemoryLastGood[str] = MemoryLastGood(60)
    coalesce, patience = Coalesce(name="sky"), Patience(1.5, last_good=store)
    fallback = Fallback(last_good=store)
    wrong = {
        "beside": [fallback, coalesce, patience],
        "nested": [fallback, coalesce, Pipeline("inner", [patience])],
        "further down": [Pipeline("inner", [fallback, coalesce]), make_breaker("sky"), patience],
    }
    with pytest.raises(
        ConfigurationError,
        match=r"pipeline 'sky': .*: Fallback\(\.\.\.\), Patience\(\.\.\.\), Coalesce\(\.\.\.\)$",
    ):
        Pipeline("sky", wrong[beneath])
    Pipeline("sky", [fallback, patience, coalesce])


def test_find_looks_into_nested_pipelines_outermost_first(make_breaker: MakeBreaker) -> None:
    outer, inner, bulkhead = make_breaker("outer"), make_breaker("inner"), Bulkhead("plex")
    pipeline = Pipeline("plex", [Pipeline("a", [outer]), Pipeline("b", [inner, bulkhead])])
    assert pipeline.find(CircuitBreaker) is outer
    assert pipeline.find(Bulkhead) is bulkhead
    assert pipeline.find(Retry) is None


def test_its_text_tells_the_order(make_breaker: MakeBreaker, clock: ManualClock) -> None:
    pipeline = Pipeline("plex", [Retry(clock=clock), make_breaker()])
    assert repr(pipeline) == "<Pipeline 'plex' Retry > CircuitBreaker>"
    assert repr(Pipeline("plex", [])) == "<Pipeline 'plex' empty>"


@pytest.fixture
def whole(make_breaker: MakeBreaker, clock: ManualClock) -> Pipeline:
    breaker = make_breaker(failure_threshold=4)
    retry = Retry(max_attempts=3, initial_delay=1, clock=clock, random=lambda: 1.0)
    bulkhead = Bulkhead("plex", max_concurrent=1)
    fallback = Fallback(lambda error: type(error).__name__)
    return Pipeline("plex", [fallback, retry, breaker, bulkhead, Deadline(5, clock=clock)])


def test_through_the_whole_stack_a_call_passes_with_its_deadline(whole: Pipeline) -> None:
    assert whole.call(remaining) == 5


def test_each_attempt_counts_on_the_breaker_and_the_fallback_answers_last(whole: Pipeline) -> None:
    def broken() -> NoReturn:
        raise ConnectionError

    breaker = whole.find(CircuitBreaker)
    assert whole.call(broken) == "ConnectionError"
    assert breaker.snapshot().counts.failures == 3


def test_a_breaker_that_opens_ends_the_retries(whole: Pipeline, clock: ManualClock) -> None:
    calls = []

    def broken() -> NoReturn:
        calls.append(1)
        raise ConnectionError

    assert whole.call(broken) == "ConnectionError"
    assert whole.call(broken) == "CircuitOpenError"
    assert len(calls) == 4
    assert clock.slept == [1, 2, 1]


def test_each_attempt_has_the_whole_timeout(whole: Pipeline, clock: ManualClock) -> None:
    left = []

    def slow() -> NoReturn:
        left.append(remaining())
        clock.advance(4)
        raise ConnectionError

    whole.call(slow)
    assert left == [5, 5, 5]


def test_a_full_bulkhead_is_refused_without_retries_or_failures(whole: Pipeline) -> None:
    refused = []

    def nested() -> None:
        refused.append(whole.call(int))
        with pytest.raises(BulkheadFullError):
            not_none(whole.find(Bulkhead)).call(int)

    whole.call(nested)
    assert refused == ["BulkheadFullError"]
    assert not_none(whole.find(CircuitBreaker)).snapshot().counts.failures == 0
    assert not_none(whole.find(CircuitBreaker)).state is State.CLOSED
