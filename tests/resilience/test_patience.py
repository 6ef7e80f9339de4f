"""Patience: with a last good answer at hand nobody waits long, and the call goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import pytest
from blinker import Signal

from medianest.resilience import (
    CircuitBreaker,
    Coalesce,
    ConfigurationError,
    Deadline,
    DeadlineExceededError,
    Fallback,
    FlightPool,
    ManualClock,
    MemoryLastGood,
    Patience,
    PatienceExceededError,
    Pipeline,
    Retry,
    State,
)
from medianest.resilience.events import patience_used
from tests.resilience.flying import Callers, Upstream
from tests.support.narrowing import not_none
from tests.support.waiting import SOON, wait_until

PATIENCE = 0.02


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def callers() -> Iterator[Callers]:
    callers = Callers()
    yield callers
    callers.close()


@pytest.fixture
def store(clock: ManualClock) -> MemoryLastGood[Any]:
    return MemoryLastGood(3600, clock=clock)


@pytest.fixture(params=["alone", "around a coalesce"])
def pipeline(
    request: pytest.FixtureRequest, store: MemoryLastGood[Any], clock: ManualClock
) -> Pipeline:
    """A fallback on the last good answer, patience, and a breaker beneath."""
    breaker = CircuitBreaker("plex", clock=clock, failure_threshold=1)
    coalesce = [] if request.param == "alone" else [Coalesce(name="plex")]
    return Pipeline(
        "plex",
        [
            Fallback(last_good=store, stale=lambda answer, age, error: (answer, age, error)),
            Patience(PATIENCE, name="plex", last_good=store),
            *coalesce,
            breaker,
        ],
    )


def remember(pipeline: Pipeline, upstream: Upstream) -> None:
    upstream.let_go()
    assert pipeline.call(upstream) == "answer"
    upstream.wait_for_call()


def test_who_has_a_last_good_answer_takes_it_when_patience_ends(
    pipeline: Pipeline,
    upstream: Upstream,
    store: MemoryLastGood[Any],
    clock: ManualClock,
    heard: Callable[[Signal], list[Any]],
) -> None:
    told = heard(patience_used)
    remember(pipeline, upstream)
    clock.advance(60)
    answer, age, error = pipeline.call(upstream)
    assert (answer, age) == ("answer", 60)
    assert isinstance(error, PatienceExceededError)
    assert (error.name, error.retry_after, error.seconds) == ("plex", None, PATIENCE)
    assert str(error) == "'plex' has not answered within 0.02 s"
    assert not_none(pipeline.find(Patience)).snapshot().used == 1
    assert [(event.name, event.seconds) for event in told] == [("plex", PATIENCE)]
    upstream.let_go()


def test_the_call_goes_on_and_its_answer_is_remembered_from_when_it_was_asked(
    pipeline: Pipeline, upstream: Upstream, store: MemoryLastGood[Any], clock: ManualClock
) -> None:
    remember(pipeline, upstream)
    clock.advance(60)
    assert pipeline.call(upstream)[0] == "answer"
    clock.advance(5)
    upstream.answer = "newer"
    upstream.let_go()
    key = store.keys()[0]
    wait_until(lambda: store.get(key) == ("newer", 5))


def test_the_call_goes_on_and_settles_the_breaker(pipeline: Pipeline, upstream: Upstream) -> None:
    remember(pipeline, upstream)
    assert pipeline.call(upstream)[0] == "answer"
    breaker = not_none(pipeline.find(CircuitBreaker))
    assert (breaker.state, breaker.snapshot().in_flight) == (State.CLOSED, 1)
    upstream.answer = ConnectionError("no route")
    upstream.let_go()
    wait_until(lambda: not_none(breaker).state is State.OPEN)


def test_without_a_last_good_answer_a_caller_waits_to_its_end(
    pipeline: Pipeline, upstream: Upstream, callers: Callers
) -> None:
    asked = callers.start(pipeline.call, upstream)
    upstream.wait_for_call()
    with pytest.raises(DeadlineExceededError), Deadline(5 * PATIENCE).scope():
        pipeline.call(upstream)
    assert not asked.done()
    upstream.let_go(2)
    assert asked.result(SOON) == "answer"
    assert not_none(pipeline.find(Patience)).snapshot().used == 0


def test_who_comes_to_an_old_flight_does_not_wait(
    upstream: Upstream, store: MemoryLastGood[Any], clock: ManualClock, callers: Callers
) -> None:
    """The seconds count from when the question was asked, whoever asked it."""
    patience = Patience(1.5, last_good=store, clock=clock)
    pipeline = Pipeline("plex", [Fallback(last_good=store), patience, Coalesce(clock=clock)])
    remember(pipeline, upstream)
    first = callers.start(pipeline.call, upstream)
    upstream.wait_for_call()
    clock.advance(1.5)
    assert pipeline.call(upstream) == "answer"  # at once, and with the first still waiting
    assert patience.snapshot().used == 1
    upstream.let_go()
    assert first.result(SOON) == "answer"
    assert len(upstream.calls) == 2


def test_all_who_lose_patience_have_made_one_call(
    upstream: Upstream, store: MemoryLastGood[Any], callers: Callers
) -> None:
    coalesce, patience = Coalesce(), Patience(PATIENCE, last_good=store)
    pipeline = Pipeline("plex", [Fallback(last_good=store), patience, coalesce])
    remember(pipeline, upstream)
    asked = [callers.start(pipeline.call, upstream) for _ in range(32)]
    assert {each.result(SOON) for each in asked} == {"answer"}
    assert len(upstream.calls) == 2
    assert patience.snapshot().used == 32
    upstream.let_go()


def test_a_deadline_that_comes_first_is_served_from_memory_too(
    pipeline: Pipeline, upstream: Upstream
) -> None:
    remember(pipeline, upstream)
    with Deadline(PATIENCE / 4).scope():
        _, _, error = pipeline.call(upstream)
    assert isinstance(error, DeadlineExceededError)
    upstream.let_go()


def test_an_error_within_patience_is_the_callers(pipeline: Pipeline, upstream: Upstream) -> None:
    remember(pipeline, upstream)
    upstream.answer = ConnectionError("no route")
    upstream.let_go()
    assert str(pipeline.call(upstream)[2]) == "no route"


def test_a_retry_outside_makes_no_second_call(
    upstream: Upstream, store: MemoryLastGood[Any], clock: ManualClock
) -> None:
    patience = Patience(PATIENCE, last_good=store)
    pipeline = Pipeline("plex", [Retry(clock=clock), patience])
    upstream.let_go()
    store.put(("anything",), 1, store.now())
    assert pipeline.call(upstream) == "answer"
    upstream.wait_for_call()
    keyed = Pipeline("plex", [Retry(clock=clock), Patience(0, last_good=store, key=lambda: 1)])
    store.put(1, "kept", store.now())
    with pytest.raises(PatienceExceededError):
        keyed.call(upstream)
    assert clock.slept == []
    upstream.let_go()


def test_without_a_free_thread_the_caller_waits_itself(store: MemoryLastGood[Any]) -> None:
    pool = FlightPool(1)
    pool.close()
    patience = Patience(0, last_good=store, key=lambda: 1, pool=pool)
    store.put(1, "kept", store.now())
    assert patience.call(threading.get_ident) == threading.get_ident()


class Broken:
    """A store that fails."""

    def __init__(self, *broken: str) -> None:
        self.broken = broken

    def now(self) -> float:
        self._try("now")
        return 0.0

    def put(
        self,
        key: Hashable,
        value: object,
        asked_at: float,
    ) -> None:
        self._try("put")

    def get(self, key: Hashable) -> None:
        self._try("get")

    def _try(self, what: str) -> None:
        if what in self.broken:
            raise OSError("the disk is gone")


@pytest.mark.parametrize("broken", ["now", "put", "get"])
def test_a_store_that_fails_harms_no_call_and_is_complained_of_once(
    broken: str, upstream: Upstream, callers: Callers, caplog: pytest.LogCaptureFixture
) -> None:
    patience = Patience(0, name="plex", last_good=Broken(broken))
    for _ in range(2):
        asked = callers.start(patience.call, upstream)
        upstream.wait_for_call()
        upstream.let_go()
        assert asked.result(SOON) == "answer"
    assert [record.message for record in caplog.records] == [
        "patience 'plex' cannot use its good answers"
    ]


@pytest.mark.parametrize(
    ("seconds", "options"),
    [
        (-1, {}),
        ("soon", {}),
        (float("nan"), {}),
        (1, {"last_good": {}}),
        (1, {"key": 1}),
        (1, {"timeout": 0}),
        (1, {"pool": 4}),
        (1, {"name": ""}),
    ],
)
def test_a_wrong_option_is_refused(
    store: MemoryLastGood[Any], seconds: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        Patience(seconds, **{"last_good": store, **options})
