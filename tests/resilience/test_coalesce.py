"""Coalesce: one call for all who ask the same, and none of them harmed by the others."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NoReturn

import pytest
from blinker import Signal

from medianest.resilience import (
    Bulkhead,
    CircuitBreaker,
    Coalesce,
    ConfigurationError,
    Deadline,
    DeadlineExceededError,
    DeferredSettlement,
    FlightPool,
    ManualClock,
    Pipeline,
    Retry,
    remaining,
)
from medianest.resilience.events import shared
from tests.resilience.flying import Callers, Upstream, joined
from tests.support.narrowing import not_none
from tests.support.waiting import SOON


def test_all_who_ask_the_same_share_one_call(
    coalesce: Coalesce, upstream: Upstream, callers: Callers, heard: Callable[[Signal], list[Any]]
) -> None:
    told = heard(shared)
    asked = [callers.start(coalesce.call, upstream, 1, b=2) for _ in range(32)]
    joined(coalesce, 31)
    assert coalesce.snapshot().in_flight == 1
    upstream.let_go()
    assert {each.result(SOON) for each in asked} == {"answer"}
    assert upstream.calls == [((1,), {"b": 2})]
    seen = coalesce.snapshot()
    assert (seen.flights, seen.shared, seen.rejected, seen.in_flight) == (1, 31, 0, 0)
    assert [(event.name, event.callers) for event in told] == [("plex", 32)]


def test_another_question_is_another_call(
    coalesce: Coalesce, upstream: Upstream, callers: Callers
) -> None:
    asked = [callers.start(coalesce.call, upstream, value) for value in (1, True, "1")]
    for _ in range(3):
        upstream.wait_for_call()
    upstream.let_go(3)
    for each in asked:
        each.result(SOON)
    assert len(upstream.calls) == 3


def test_who_asks_after_the_answer_asks_anew(coalesce: Coalesce, upstream: Upstream) -> None:
    upstream.let_go(2)
    assert coalesce.call(upstream) == coalesce.call(upstream) == "answer"
    assert len(upstream.calls) == 2


def test_the_key_says_what_is_the_same(
    pool: FlightPool, upstream: Upstream, callers: Callers
) -> None:
    coalesce = Coalesce(key=lambda user, page: page, pool=pool)
    asked = [callers.start(coalesce.call, upstream, user, 1) for user in "ab"]
    joined(coalesce, 1)
    upstream.let_go()
    assert [each.result(SOON) for each in asked] == ["answer"] * 2
    assert len(upstream.calls) == 1


def by_itself(unhashable: list[Any]) -> int:
    return threading.get_ident()


@pytest.mark.parametrize("key", [None, lambda *args: 1 / 0])
def test_a_question_without_a_key_is_asked_by_its_caller(
    pool: FlightPool, key: Callable[..., Any] | None, caplog: pytest.LogCaptureFixture
) -> None:
    coalesce = Coalesce(key=key, pool=pool)
    for _ in range(2):
        assert coalesce.call(by_itself, []) == threading.get_ident()
    told = "coalesce 'by_itself' cannot tell its calls apart"
    assert [record.message for record in caplog.records] == [told]


def test_each_caller_waits_no_longer_than_its_own_deadline(
    coalesce: Coalesce, upstream: Upstream, callers: Callers
) -> None:
    patient = callers.start(coalesce.call, upstream)
    upstream.wait_for_call()
    with pytest.raises(DeadlineExceededError), Deadline(0.01).scope():
        coalesce.call(upstream)
    upstream.let_go()
    assert patient.result(SOON) == "answer"
    assert len(upstream.calls) == 1


def test_the_flight_goes_on_when_its_first_caller_has_left(
    coalesce: Coalesce, upstream: Upstream, callers: Callers
) -> None:
    with pytest.raises(DeadlineExceededError), Deadline(0.01).scope():
        coalesce.call(upstream)
    second = callers.start(coalesce.call, upstream)
    joined(coalesce, 1)
    upstream.let_go()
    assert second.result(SOON) == "answer"
    assert len(upstream.calls) == 1


def test_who_has_no_time_left_begins_nothing(
    coalesce: Coalesce, upstream: Upstream, clock: ManualClock
) -> None:
    with Deadline(1, clock=clock).scope():
        clock.advance(1)
        with pytest.raises(DeadlineExceededError):
            coalesce.call(upstream)
    assert upstream.calls == []


@pytest.mark.parametrize(("timeout", "left"), [(None, float("inf")), (7, 7)])
def test_a_flight_has_its_own_deadline_and_its_first_callers_context(
    pool: FlightPool, clock: ManualClock, timeout: int | None, left: float
) -> None:
    who = contextvars.ContextVar("who", default="nobody")
    who.set("the first")
    coalesce = Coalesce(timeout=timeout, pool=pool, clock=clock)
    with Deadline(5, clock=clock).scope():
        assert coalesce.call(lambda: (who.get(), remaining())) == ("the first", left)
        assert remaining() == 5


def test_an_error_reaches_everybody_and_grows_with_nobody(
    coalesce: Coalesce, upstream: Upstream, callers: Callers
) -> None:
    """Keeps out: one instance raised by many, with the traceback of all of them."""
    upstream.answer = ConnectionError("no route")
    asked = [callers.start(coalesce.call, upstream) for _ in range(20)]
    joined(coalesce, 19)
    upstream.let_go()
    errors = [each.exception(SOON) for each in asked]
    assert {str(error) for error in errors} == {"no route"}
    depths = []
    for error in errors:
        depth, traceback = 0, not_none(error).__traceback__
        while traceback is not None:
            depth, traceback = depth + 1, traceback.tb_next
        depths.append(depth)
    assert max(depths) < 15
    assert all(not_none(error).__context__ is None for error in errors)


def test_layers_beneath_count_one_call_for_all(
    pool: FlightPool, clock: ManualClock, upstream: Upstream, callers: Callers
) -> None:
    breaker, bulkhead = CircuitBreaker("plex", clock=clock), Bulkhead("plex", max_concurrent=1)
    coalesce = Coalesce(pool=pool)
    pipeline = Pipeline("plex", [coalesce, Retry(clock=clock), breaker, bulkhead])
    asked = [callers.start(pipeline.call, upstream) for _ in range(10)]
    joined(coalesce, 9)
    upstream.let_go()
    assert {each.result(SOON) for each in asked} == {"answer"}
    assert breaker.snapshot().counts.successes == 1
    assert bulkhead.snapshot().rejected == 0


def result_of(call: Future[Any]) -> Any:
    """What goes on after the call."""
    error = call.exception(SOON)
    assert isinstance(error, DeferredSettlement)
    return error.result


def test_a_result_that_goes_on_is_given_to_one_and_the_others_ask_for_themselves(
    coalesce: Coalesce, upstream: Upstream, callers: Callers
) -> None:
    made: list[DeferredSettlement] = []

    def stream() -> NoReturn:
        made.append(DeferredSettlement(len(made)))
        raise made[-1]

    upstream.answer = stream
    asked = [callers.start(coalesce.call, upstream) for _ in range(3)]
    joined(coalesce, 2)
    upstream.let_go(3)
    assert sorted(result_of(each) for each in asked) == [0, 1, 2]


def test_who_must_call_for_itself_asks_its_own_question(pool: FlightPool, callers: Callers) -> None:
    """Keeps out: the arguments of whoever came first, where the key is not all of them."""
    coalesce, hold = Coalesce(pool=pool, key=lambda user: "page"), threading.Event()

    def stream(user: str) -> NoReturn:
        hold.wait(SOON)
        raise DeferredSettlement(user)

    asked = {user: callers.start(coalesce.call, stream, user) for user in "abc"}
    joined(coalesce, 2)
    hold.set()
    got = {user: result_of(each) for user, each in asked.items()}
    assert sum(user == result for user, result in got.items()) >= 2
    assert len(set(got.values())) >= 2


def test_a_result_that_goes_on_and_that_nobody_waits_for_gives_everything_back(
    pool: FlightPool, upstream: Upstream
) -> None:
    bulkhead, closed = Bulkhead("plex", max_concurrent=1), threading.Event()
    pipeline = Pipeline("plex", [Coalesce(pool=pool), bulkhead])

    class Body:
        close = staticmethod(closed.set)

    upstream.answer = DeferredSettlement(Body())
    with pytest.raises(DeadlineExceededError), Deadline(0.01).scope():
        pipeline.call(upstream)
    upstream.let_go()
    assert closed.wait(SOON)
    assert bulkhead.snapshot().in_use == 0


@pytest.mark.parametrize(
    "wrong",
    [{"key": 1}, {"timeout": 0}, {"timeout": "soon"}, {"pool": 4}, {"name": ""}],
)
def test_a_wrong_option_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Coalesce(**wrong)
