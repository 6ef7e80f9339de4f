"""Last good answers in memory, bounded by what they take."""

from typing import Any

import pytest

from medianest.resilience import ConfigurationError, ManualClock, MemoryLastGood

EACH = 512
"""What a place takes beside its answer."""


def filled(clock: ManualClock, most: int, *answers: str) -> MemoryLastGood[Any]:
    store = MemoryLastGood(60, max_bytes=most, size_of=len, clock=clock)
    for number, answer in enumerate(answers):
        store.put(number, answer, store.now())
    return store


def test_an_answer_grows_old_while_the_machine_sleeps(clock: ManualClock) -> None:
    """Keeps out: a laptop that is opened in the morning shows yesterday's sessions as new."""
    store = filled(clock, 10**6, "a")
    clock.suspend(59)
    assert store.get(0) == ("a", 59)
    clock.suspend(2)
    assert store.get(0) is None


def test_so_many_are_kept_as_the_bytes_allow(clock: ManualClock) -> None:
    store = filled(clock, 3 * (EACH + 100), *["x" * 100] * 300)
    assert store.keys() == [297, 298, 299]
    assert store.bytes == 3 * (EACH + 100)


def test_bytes_and_not_their_number_bound_them(clock: ManualClock) -> None:
    store = filled(clock, 10**6, *["x"] * 1000)
    assert store.entries == 1000


def test_a_large_one_takes_the_places_of_many(clock: ManualClock) -> None:
    store = filled(clock, 3 * (EACH + 100), *["x" * 100] * 3, "y" * (EACH + 200))
    assert store.keys() == [2, 3]


def test_one_that_is_used_stays(clock: ManualClock) -> None:
    store = filled(clock, 2 * (EACH + 1), "a", "b")
    assert store.get(0) == ("a", 0)
    store.put(2, "c", store.now())
    assert store.keys() == [0, 2]


def test_all_of_them_can_be_had_in_the_order_of_their_use(clock: ManualClock) -> None:
    store = filled(clock, 10**6, "a", "b")
    asked_at = clock.now()
    clock.advance(61)
    assert store.items() == [(0, "a", asked_at), (1, "b", asked_at)]
    store.put(0, "c", store.now())
    assert store.items()[1] == (0, "c", store.now())


def test_one_that_is_too_large_costs_no_other_its_place(clock: ManualClock) -> None:
    store = filled(clock, EACH + 10, "good")
    store.put(1, "x" * 11, store.now())
    assert store.keys() == [0]


def test_what_goes_is_no_longer_counted(clock: ManualClock) -> None:
    store = filled(clock, 10**6, "a", "bcd")
    store.put(1, "b", store.now())
    assert store.bytes == 2 * (EACH + 1)
    clock.advance(61)
    assert (store.has(0), store.has(1), store.bytes, store.entries) == (False, False, 0, 0)


def test_both_bounds_hold(clock: ManualClock) -> None:
    store = MemoryLastGood(60, max_entries=2, max_bytes=10**6, size_of=len, clock=clock)
    for number in range(5):
        store.put(number, "a", store.now())
    assert (store.keys(), store.bytes) == ([3, 4], 2 * (EACH + 1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_bytes": 0, "size_of": len},
        {"max_bytes": 1.5, "size_of": len},
        {"max_bytes": 100},
        {"size_of": len},
        {"max_bytes": 100, "size_of": 3},
        {"max_entries": 0},
        {"max_entries": 2**50 + 1},
    ],
)
def test_wrong_bounds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        MemoryLastGood(60, **wrong)


def test_the_least_and_the_most_that_may_be_kept(clock: ManualClock) -> None:
    assert MemoryLastGood(60, max_entries=2**50).max_entries == 2**50
    store = MemoryLastGood[str](60, max_entries=1, clock=clock)
    for name in ("films", "shows"):
        store.put(name, name, store.now())
    assert store.keys() == ["shows"]


def test_without_a_bound_nothing_is_measured(clock: ManualClock) -> None:
    store = MemoryLastGood[str](60, clock=clock)
    store.put("films", "x", store.now())
    assert store.bytes == 0


def test_one_that_takes_all_there_is_is_kept(clock: ManualClock) -> None:
    assert filled(clock, EACH + 4, "good").keys() == [0]


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), 10**400, "60", True])
def test_an_age_that_no_clock_can_tell_is_refused(seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_age above 0"):
        MemoryLastGood(seconds)
