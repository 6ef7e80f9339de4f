"""What Patience and Coalesce keep, count and say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from blinker import Signal

from medianest.resilience import (
    CallOverdueError,
    Coalesce,
    Deadline,
    DeadlineExceededError,
    DeferredSettlement,
    ManualClock,
    MemoryLastGood,
    Patience,
    PatienceExceededError,
    Pipeline,
)
from medianest.resilience.events import patience_used
from medianest.resilience.flights import Flight
from medianest.resilience.given_up import GIVEN_UP
from medianest.resilience.last_good import LastGood
from medianest.resilience.strategy import direct
from tests.resilience.flying import Callers, Upstream
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until


class Store:
    """Keeps answers, without `has`; fails in one of its methods."""

    def __init__(self, broken: str | None = None) -> None:
        self.kept: dict[Any, Any] = {}
        self.broken = broken

    def _do(self, method: Any, answer: Any = None) -> Any:
        if method == self.broken:
            raise OSError("the disk is full")
        return answer

    def now(self) -> Any:
        return self._do("now", 0.0)

    def put(self, key: Any, answer: Any, asked_at: Any) -> None:
        self._do("put")
        self.kept[key] = answer

    def get(self, key: Any) -> Any:
        found = self.kept.get(key)
        return self._do("get", None if found is None else (found, 1.0))


@pytest.fixture
def callers() -> Iterator[Any]:
    callers = Callers()
    yield callers
    callers.close()


@pytest.fixture
def upstream() -> Iterator[Any]:
    upstream = Upstream()
    yield upstream
    upstream.let_go(10)


def shelf(name: Any, *, page: int = 1) -> Any:
    return [name, page]


def impatient(store: LastGood, name: None = None, **options: Any) -> Any:
    return Patience(0.0, last_good=store, **({"name": name} if name else {}), **options)


@pytest.mark.parametrize("kind", [Store, lambda: MemoryLastGood(60)])
def test_each_function_and_each_argument_has_an_answer_of_its_own(kind: Any) -> None:
    patience = Patience(5, last_good=kind())
    patience.call(shelf, "films", page=2)
    known = [
        patience.has_answer(function, args, kwargs)
        for function, args, kwargs in [
            (shelf, ("films",), {"page": 2}),
            (shelf, ("films",), {"page": 3}),
            (shelf, ("music",), {"page": 2}),
            (len, ("films",), {"page": 2}),
        ]
    ]
    assert known == [True, False, False, False]


def test_what_is_kept_is_the_answer_by_the_key_of_the_call() -> None:
    store = Store()
    patience = Patience(5, last_good=store, key=lambda name, *, page: (name, page))
    assert patience.call(shelf, "films", page=2) == ["films", 2]
    assert store.kept == {("films", 2): ["films", 2]}


@pytest.mark.parametrize("broken", ["now", "put"])
@pytest.mark.parametrize("name", [None, "plex"])
def test_a_store_that_keeps_nothing_is_told_once_with_its_error(
    caplog: pytest.LogCaptureFixture, broken: Any, name: Any
) -> None:
    patience = Patience(5, last_good=Store(broken), **({"name": name} if name else {}))
    for _ in range(3):
        assert patience.call(int) == 0
    assert caplog.messages == [f"patience {name or 'int'!r} cannot use its good answers"]
    assert not_none(caplog.records[0].exc_info)[0] is OSError


def test_a_store_that_cannot_be_read_has_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    patience = impatient(Store("get"))
    assert not patience.has_answer(shelf, ("films",), {})
    assert caplog.messages == ["patience 'shelf' cannot use its good answers"]
    assert not_none(caplog.records[0].exc_info)[0] is OSError


@pytest.mark.parametrize("name", [None, "plex"])
def test_who_leaves_is_counted_and_told_by_the_name_of_what_it_left(
    upstream: Any, heard: Callable[[Signal], list[Any]], name: Any
) -> None:
    store, events = Store(), heard(patience_used)
    patience = impatient(store, name, key=lambda: "k")
    store.kept["k"] = "old"
    with Deadline(0.5).scope(), pytest.raises(PatienceExceededError) as caught:
        patience.call(upstream)
    assert caught.value.name == (name or "Upstream")
    assert [(event.name, event.seconds) for event in events] == [(name or "Upstream", 0.0)]
    snapshot = patience.snapshot()
    assert (snapshot.name, snapshot.seconds, snapshot.used) == (name or "call", 0.0, 1)


@pytest.mark.parametrize("name", [None, "plex"])
def test_a_call_that_answers_too_late_is_told_by_its_name(upstream: Any, name: Any) -> None:
    with Deadline(0.02).scope(), pytest.raises(CallOverdueError) as caught:
        impatient(Store(), name).call(upstream)
    assert (caught.value.name, caught.value.retry_after) == (name or "Upstream", None)


@pytest.mark.parametrize("name", [None, "plex"])
def test_a_call_without_time_is_told_by_its_name(clock: ManualClock, name: Any) -> None:
    with Deadline(1, clock=clock).scope():
        clock.advance(1)
        with pytest.raises(DeadlineExceededError) as caught:
            impatient(Store(), name).call(shelf, "films")
    assert (caught.value.name, caught.value.retry_after) == (name or "shelf", None)


def test_nothing_has_flown_yet() -> None:
    snapshot = Coalesce(name="plex").snapshot()
    figures = (snapshot.in_flight, snapshot.flights, snapshot.shared, snapshot.rejected)
    assert (snapshot.name, *figures) == ("plex", 0, 0, 0, 0)


def test_flights_are_counted(upstream: Any, callers: Any) -> None:
    coalesce = Coalesce(name="plex", key=lambda: "k")
    first = callers.start(coalesce.call, upstream)
    upstream.wait_for_call()
    second = callers.start(coalesce.call, upstream)
    wait_until(lambda: coalesce.snapshot().shared)
    assert (coalesce.snapshot().in_flight, coalesce.snapshot().flights) == (1, 1)
    upstream.let_go()
    assert first.result(10) == second.result(10)
    wait_until(lambda: not coalesce.snapshot().in_flight)
    assert coalesce.snapshot().flights == 1


def test_calls_that_cannot_be_told_apart_are_complained_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    coalesce = Coalesce(key=lambda name: {}[name])
    for _ in range(2):
        assert coalesce.call(shelf, "films") == ["films", 1]
    assert caplog.messages == ["coalesce 'shelf' cannot tell its calls apart"]
    assert not_none(caplog.records[0].exc_info)[0] is KeyError


@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_what_cannot_be_shared_each_asks_for_with_its_own_arguments(
    upstream: Any, callers: Any, seconds: Any
) -> None:
    upstream.answer = DeferredSettlement("a stream")
    patience = Patience(seconds, last_good=Store())
    pipeline = Pipeline("plex", [patience, Coalesce(key=lambda name, *, page: "same")])
    asked = [callers.start(pipeline.call, upstream, "films", page=2)]
    upstream.wait_for_call()
    asked.append(callers.start(pipeline.call, upstream, "films", page=2))
    wait_until(lambda: not_none(pipeline.find(Coalesce)).snapshot().shared)
    upstream.let_go(2)
    assert [type(one.exception(10)) for one in asked] == [DeferredSettlement] * 2
    assert upstream.calls == [(("films",), {"page": 2})] * 2


def test_keys_with_the_same_hash_are_not_the_same(upstream: Any, callers: Any) -> None:
    assert hash(-1) == hash(-2)
    coalesce = Coalesce(name="plex", key=lambda number: number)
    asked = [callers.start(coalesce.call, upstream, number) for number in (-1, -2)]
    for _ in asked:
        upstream.wait_for_call()
    upstream.let_go(2)
    assert [one.result(10) for one in asked] == ["answer"] * 2


# -- flights ---------------------------------------------------------------------------------------


class Stream:
    """A result that goes on after its call."""

    def __init__(self, error: Exception | None = None) -> None:
        self.closed, self._error = 0, error

    def close(self) -> None:
        self.closed += 1
        if self._error is not None:
            raise self._error


class Held:
    """What a strategy holds for a call that goes on."""

    def __init__(self) -> None:
        self.released = 0

    def release(self) -> None:
        self.released += 1


def fly(clock: ManualClock, result: Any, leave: bool = True) -> Any:
    """The flight of a call whose result goes on after it; nobody waits for it, or one does."""
    held, handover = Held(), DeferredSettlement(result)
    handover.held.append(held)  # type: ignore[arg-type]

    def inner(function: Any, args: Any, kwargs: Any) -> NoReturn:
        raise handover

    flight = Flight(inner, (int, (), {}), clock=clock, timeout=None, keep=None)
    if leave:
        flight.leave()
    flight.run()
    return flight, held


@pytest.mark.parametrize("kind", [Stream, object])
def test_a_result_that_nobody_waited_for_is_given_back_and_closed(
    clock: ManualClock, caplog: pytest.LogCaptureFixture, kind: Any
) -> None:
    result = kind()
    _, held = fly(clock, result)
    assert (held.released, getattr(result, "closed", 1)) == (1, 1)
    assert caplog.messages == []


def test_one_that_cannot_be_closed_is_logged(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    stream = Stream(OSError("cannot close"))
    _, held = fly(clock, stream)
    assert (held.released, stream.closed) == (1, 1)
    assert caplog.messages == ["a result that nobody waited for cannot be closed"]


def test_the_last_who_leaves_gives_back_what_nobody_took(clock: ManualClock) -> None:
    flight, held = fly(clock, Stream(), leave=False)
    assert held.released == 0
    flight.leave()
    assert held.released == 1


def test_callers_of_a_flight_that_never_began_make_their_own_calls(clock: ManualClock) -> None:
    flight = Flight(direct, (int, ("1",), {}), clock=clock, timeout=None, keep=None)
    flight.cancel()
    assert not flight.join()
    assert flight.wait(0)
    assert flight.take(shelf, ("films",), {"page": 2}) == ["films", 2]


def test_an_error_that_came_from_nowhere_is_taken_for_what_was_given_up() -> None:
    before = GIVEN_UP.latest
    GIVEN_UP.mark(ConnectionError())
    assert GIVEN_UP.on(ValueError("without a traceback"), before)
    GIVEN_UP.answered()
    assert not GIVEN_UP.on(ValueError("without a traceback"), before)
