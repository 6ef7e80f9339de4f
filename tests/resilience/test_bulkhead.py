"""The bulkhead: a fixed number of places, given back however a call ends."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

import pytest
from blinker import Signal

from medianest.resilience import Bulkhead, BulkheadFullError, Deadline, DeferredSettlement, Place
from medianest.resilience.events import bulkhead_full
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until

PATIENCE = 10.0


@pytest.fixture
def occupied() -> Iterator[Callable[[Bulkhead], Callable[[], None]]]:
    """`occupied(bulkhead)` holds one place in a thread; calling the result leaves it."""
    threads = []

    def occupy(bulkhead: Bulkhead) -> Callable[[], None]:
        inside, leave = threading.Event(), threading.Event()
        thread = threading.Thread(target=bulkhead.call, args=(hold, inside, leave), daemon=True)
        threads.append((thread, leave))
        thread.start()
        assert inside.wait(PATIENCE)

        def vacate() -> None:
            leave.set()
            thread.join(PATIENCE)

        return vacate

    def hold(inside: threading.Event, leave: threading.Event) -> None:
        inside.set()
        assert leave.wait(PATIENCE)

    yield occupy
    for thread, leave in threads:
        leave.set()
        thread.join(PATIENCE)


def test_a_call_passes_with_arguments_and_result() -> None:
    assert Bulkhead("plex").call(lambda *a, **k: (a, k), 1, two=2) == ((1,), {"two": 2})


def test_a_full_bulkhead_refuses_at_once(
    occupied: Callable[[Bulkhead], Callable[[], None]],
) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1)
    occupied(bulkhead)
    with pytest.raises(BulkheadFullError) as caught:
        bulkhead.call(int)
    assert caught.value.name == "plex"
    assert not_none(caught.value.retry_after) > 0


def test_a_refusal_is_a_fresh_exception_without_a_story(
    occupied: Callable[[Bulkhead], Callable[[], None]],
) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1)
    occupied(bulkhead)
    refusals = []
    for _ in range(2):
        with pytest.raises(BulkheadFullError) as caught:
            bulkhead.call(int)
        refusals.append(caught.value)
    assert refusals[0] is not refusals[1]
    assert (refusals[0].__cause__, refusals[0].__suppress_context__) == (None, True)


def test_a_place_is_free_again_when_its_call_has_ended(
    occupied: Callable[[Bulkhead], Callable[[], None]],
) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1)
    occupied(bulkhead)()
    assert bulkhead.call(int) == 0


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_place_is_given_back_whatever_the_call_raises(error: Any) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1)

    def broken() -> NoReturn:
        raise error

    for _ in range(3):
        with pytest.raises(error):
            bulkhead.call(broken)
    assert bulkhead.snapshot().in_use == 0


def test_the_error_of_a_call_that_waited_has_no_foreign_context(
    occupied: Callable[[Bulkhead], Callable[[], None]],
) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1, max_wait=PATIENCE)
    vacate = occupied(bulkhead)
    threading.Thread(target=vacate, daemon=True).start()

    def broken() -> NoReturn:
        raise KeyError

    with pytest.raises(KeyError) as caught:
        bulkhead.call(broken)
    assert caught.value.__context__ is None


def test_a_call_that_may_wait_gets_the_place_that_becomes_free(
    occupied: Callable[[Bulkhead], Callable[[], None]],
) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1, max_wait=PATIENCE)
    vacate = occupied(bulkhead)
    results: list[int] = []
    waiting = threading.Thread(target=lambda: results.append(bulkhead.call(int)), daemon=True)
    waiting.start()
    wait_until(lambda: bulkhead.snapshot().waiting == 1)
    vacate()
    waiting.join(PATIENCE)
    assert results == [0]
    assert (bulkhead.snapshot().waiting, bulkhead.snapshot().in_use) == (0, 0)


def test_a_call_waits_no_longer_than_max_wait(
    occupied: Callable[[Bulkhead], Callable[[], None]],
) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1, max_wait=0.01)
    occupied(bulkhead)
    with pytest.raises(BulkheadFullError):
        bulkhead.call(int)
    assert (bulkhead.snapshot().waiting, bulkhead.snapshot().rejected) == (0, 1)


def test_a_call_waits_no_longer_than_its_deadline(
    occupied: Callable[[Bulkhead], Callable[[], None]],
) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1, max_wait=3_600)
    occupied(bulkhead)
    with Deadline(0.01).scope(), pytest.raises(BulkheadFullError):
        bulkhead.call(int)


def test_the_snapshot_shows_in_use_peak_and_rejected(
    occupied: Callable[[Bulkhead], Callable[[], None]],
) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=2)
    first, second = occupied(bulkhead), occupied(bulkhead)
    for _ in range(3):
        with pytest.raises(BulkheadFullError):
            bulkhead.call(int)
    assert json.loads(json.dumps(bulkhead.snapshot().as_dict())) == {
        "name": "plex",
        "max_concurrent": 2,
        "in_use": 2,
        "waiting": 0,
        "rejected": 3,
        "peak": 2,
        "scope": "process",
    }
    first(), second()
    snapshot = bulkhead.snapshot()
    assert (snapshot.in_use, snapshot.peak) == (0, 2)


def test_the_peak_is_the_most_at_once_not_the_most_in_all() -> None:
    bulkhead = Bulkhead("plex", max_concurrent=5)
    for _ in range(4):
        bulkhead.call(int)
    assert bulkhead.snapshot().peak == 1
    bulkhead.call(bulkhead.call, int)
    assert bulkhead.snapshot().peak == 2


def test_a_refusal_is_an_event(
    occupied: Callable[[Bulkhead], Callable[[], None]], heard: Callable[[Signal], list[Any]]
) -> None:
    events = heard(bulkhead_full)
    bulkhead = Bulkhead("plex", max_concurrent=1)
    occupied(bulkhead)
    with pytest.raises(BulkheadFullError):
        bulkhead.call(int)
    assert [(event.name, event.max_concurrent) for event in events] == [("plex", 1)]


@pytest.mark.parametrize("settle", ["success", "release", "failure"])
def test_a_call_handed_over_keeps_its_place_until_it_is_settled(settle: str) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1)

    def stream() -> NoReturn:
        raise DeferredSettlement("chunks")

    with pytest.raises(DeferredSettlement) as caught:
        bulkhead.call(stream)
    assert bulkhead.snapshot().in_use == 1
    with pytest.raises(BulkheadFullError):
        bulkhead.call(int)
    for _ in range(2):  # settling twice gives one place back
        getattr(caught.value, settle)(*([ValueError()] if settle == "failure" else []))
    assert bulkhead.snapshot().in_use == 0


def test_a_place_taken_in_two_phases_is_given_back_once() -> None:
    bulkhead = Bulkhead("plex", max_concurrent=2)
    first, _second = bulkhead.acquire(), bulkhead.acquire()
    with pytest.raises(BulkheadFullError):
        bulkhead.acquire()
    first.release()
    first.release()
    snapshot = bulkhead.snapshot()
    assert (snapshot.in_use, snapshot.peak, snapshot.rejected) == (1, 2, 1)


def test_its_text_tells_how_many_places_are_free() -> None:
    assert repr(Bulkhead("plex", max_concurrent=3)) == "<Bulkhead 'plex' 3/3 free>"


def test_who_waits_is_served_before_who_comes() -> None:
    """Keeps out: a caller in a loop takes the place again and again, and who waits starves."""
    bulkhead = Bulkhead("x", max_concurrent=1, max_wait=30)
    order: list[str] = []
    busy, waiting = threading.Event(), threading.Event()

    def first() -> None:
        busy.set()
        waiting.wait(10)

    def looping() -> None:
        bulkhead.call(first)
        bulkhead.call(order.append, "again")

    loop = threading.Thread(target=looping)
    loop.start()
    busy.wait(10)
    waiter = threading.Thread(target=bulkhead.call, args=(order.append, "waited"))
    waiter.start()
    while not bulkhead.snapshot().waiting:
        pass
    waiting.set()
    loop.join(10)
    waiter.join(10)
    assert order == ["waited", "again"]
    assert bulkhead.snapshot().in_use == 0


def test_a_place_given_to_who_has_just_left_is_not_lost() -> None:
    bulkhead = Bulkhead("x", max_concurrent=2, max_wait=0.001)

    def caller() -> None:
        for _ in range(300):
            with suppress(BulkheadFullError):
                bulkhead.call(time.sleep, 0.0005)

    threads = [threading.Thread(target=caller) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    snapshot = bulkhead.snapshot()
    assert (snapshot.in_use, snapshot.waiting) == (0, 0)
    assert bulkhead.call(int) == 0


def test_an_interrupt_at_the_hand_over_loses_no_place() -> None:
    """Keeps out: one Ctrl-C while waiting, and a compartment that is full for ever."""
    bulkhead = Bulkhead("x", max_concurrent=1, max_wait=10)
    main = threading.get_ident()

    def hand_over_and_interrupt(place: Place) -> None:
        while not bulkhead.snapshot().waiting:
            pass
        place.release()
        signal.pthread_kill(main, signal.SIGINT)

    for _ in range(200):
        giver = threading.Thread(target=hand_over_and_interrupt, args=(bulkhead.acquire(),))
        giver.start()
        try:
            bulkhead.call(time.sleep, 0.001)
            giver.join()
            time.sleep(0.05)  # the interrupt, if it has not come yet
        except KeyboardInterrupt:
            pass
        giver.join()
        assert bulkhead.snapshot().in_use == 0
