"""What a bulkhead is called, what it refuses with, and what a place is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from medianest.resilience import Bulkhead, BulkheadFullError, ConfigurationError, ManualClock
from tests.support.waiting import SOON, wait_until


def told(make: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        make()
    return str(caught.value)


def test_what_it_cannot_be_made_of_is_told_with_its_name() -> None:
    wrong: Any = Bulkhead
    known = "max_concurrent, max_wait, max_waiting, scope, clock"
    assert told(lambda: wrong("plex", most=1)) == (
        f"bulkhead 'plex': unknown option most; allowed are {known}"
    )
    assert told(lambda: wrong("plex", max_wait=-1)) == (
        "bulkhead 'plex': max_wait must be a number from 0 to 3.1536e+08, not -1"
    )
    assert told(lambda: wrong("")) == (
        "bulkhead name must be 1 to 100 printable characters, not ''"
    )


@pytest.mark.parametrize("how", ["call", "acquire"])
def test_whoever_is_refused_may_come_again_in_a_second(how: str) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1)
    bulkhead.acquire()
    with pytest.raises(BulkheadFullError) as caught:
        bulkhead.call(int) if how == "call" else bulkhead.acquire()
    assert (caught.value.name, caught.value.retry_after) == ("plex", 1)
    assert str(caught.value) == "bulkhead 'plex' is full; try again in 1 s"
    assert bulkhead.snapshot().rejected == 1


def test_its_text_tells_how_many_places_are_taken() -> None:
    bulkhead = Bulkhead("plex", max_concurrent=3)
    bulkhead.acquire()
    assert repr(bulkhead) == "<Bulkhead 'plex' 2/3 free>"


def test_a_place_that_is_waited_for_is_given_when_one_comes_free(clock: ManualClock) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1, max_wait=30, clock=clock)
    first = bulkhead.acquire()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bulkhead.acquire)
        wait_until(lambda: bulkhead.snapshot().waiting == 1)
        first.release()
        second = waiting.result(SOON)
    assert (bulkhead.snapshot().in_use, bulkhead.snapshot().waiting) == (1, 0)
    second.progress()
    assert bulkhead.snapshot().in_use == 1
    second.failure(ConnectionError())
    second.success()
    assert bulkhead.snapshot().in_use == 0
    assert bulkhead.snapshot().peak == 1


def test_so_many_wait_for_a_place_in_two_phases_as_are_allowed_to(clock: ManualClock) -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1, max_wait=5, max_waiting=1, clock=clock)
    first = bulkhead.acquire()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bulkhead.acquire)
        wait_until(lambda: bulkhead.snapshot().waiting == 1)
        with pytest.raises(BulkheadFullError):
            bulkhead.acquire()
        assert bulkhead.snapshot().waiting == 1
        first.release()
        waiting.result(SOON).release()
    assert bulkhead.snapshot().in_use == 0
