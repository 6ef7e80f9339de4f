"""How fast the operations of a handler are done, and what is held back."""

from typing import Any

import pytest

from medianest.queue.pace import QueuePace
from medianest.resilience import ManualClock
from tests.queue.making import NOW, SETTINGS, at


@pytest.fixture
def pace(clock: ManualClock) -> QueuePace:
    return QueuePace(clock, concurrency=2)


def whole(delay: Any) -> Any:
    return delay


def sizes(pace: QueuePace, seconds: Any, times: Any, well: bool = True) -> Any:
    found = []
    for _ in range(times):
        pace.adapt(seconds, well=well)
        found.append(pace.batch)
    return found


def test_quick_batches_double_to_a_bound(pace: QueuePace) -> None:
    assert sizes(pace, 0.01, 8) == [2, 4, 8, 16, 32, 64, 64, 64]


def test_slow_batches_become_half_but_never_less_than_are_done_at_once(pace: QueuePace) -> None:
    sizes(pace, 0.01, 4)
    found = sizes(pace, 1.0, 5)
    assert found == [8, 4, 2, 2, 2]
    assert all(isinstance(size, int) for size in found)  # a database takes no other bound


@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.25])
def test_what_is_neither_quick_nor_slow_stays(pace: QueuePace, seconds: Any) -> None:
    sizes(pace, 0.01, 3)
    assert sizes(pace, seconds, 2) == [8, 8]


def test_less_than_are_done_at_once_grows_though_it_is_slow(pace: QueuePace) -> None:
    assert sizes(pace, 1.0, 1) == [2]


def test_a_batch_that_went_wrong_says_nothing(pace: QueuePace) -> None:
    assert sizes(pace, 0.01, 2, well=False) == [1, 1]


def test_after_an_outage_it_begins_gently(pace: QueuePace) -> None:
    sizes(pace, 0.01, 3)
    pace.restart()
    assert pace.batch == 1


def test_a_failure_is_news_for_others_every_five_seconds(
    pace: QueuePace, clock: ManualClock
) -> None:
    told = []
    for seconds in (0, 4.9, 0.1, 1):
        clock.advance(seconds)
        told.append(pace.note_failure(NOW, "1"))
    assert told == [True, False, True, False]


def test_those_that_failed_since_the_last_success_are_known_to_a_bound(pace: QueuePace) -> None:
    for number in range(40):
        pace.note_failure(NOW, str(number))
    assert pace.failed_last == tuple(str(number) for number in range(8, 40))
    pace.note_success(NOW, None)
    assert pace.failed_last == ()
    assert pace.last_success == NOW


@pytest.mark.parametrize(
    ("failed", "after"), [(-1, False), (0, False), (1, True), (10, True), (11, False)]
)
def test_whether_it_failed_between_two_moments(pace: QueuePace, failed: Any, after: Any) -> None:
    assert not pace.failed_after(NOW, at(10))
    pace.note_failure(at(failed), "1")
    assert pace.failed_after(NOW, at(10)) is after


def test_all_are_held_for_longer_each_time_until_one_is_done(
    pace: QueuePace, clock: ManualClock
) -> None:
    held = []
    for _ in range(3):
        pace.hold(SETTINGS, whole)
        held.append(pace.hold_until - clock.now())
    pace.note_success(NOW, None)
    pace.hold(SETTINGS, whole)
    assert [*held, pace.hold_until - clock.now()] == [10, 20, 30, 10]


def test_a_lane_is_held_for_longer_each_time_until_one_of_it_is_done(
    pace: QueuePace, clock: ManualClock
) -> None:
    waits = []
    for _ in range(3):
        pace.hold_lane("slow", SETTINGS, whole)
        waits.append(0)
        while pace.held_lanes():
            clock.advance(1)
            waits[-1] += 1
    assert waits == [10, 20, 30]
    pace.note_success(NOW, "other")
    pace.note_success(NOW, "slow")
    pace.hold_lane("slow", SETTINGS, whole)
    clock.advance(9)
    assert pace.held_lanes() == ("slow",)
    clock.advance(1)
    assert pace.held_lanes() == ()


def test_a_success_of_another_lane_frees_none(pace: QueuePace) -> None:
    pace.hold_lane("slow", SETTINGS, whole)
    pace.note_success(NOW, "other")
    pace.note_success(NOW, None)
    assert pace.held_lanes() == ("slow",)


@pytest.mark.parametrize(("later", "wait"), [(3600, 20), (3601, 10)])
def test_that_a_lane_was_held_is_forgotten_after_an_hour(
    pace: QueuePace, clock: ManualClock, later: Any, wait: Any
) -> None:
    pace.hold_lane("slow", SETTINGS, whole)
    clock.advance(10 + later)
    assert pace.held_lanes() == ()
    pace.hold_lane("slow", SETTINGS, whole)
    clock.advance(wait - 1)
    assert pace.held_lanes() == ("slow",)
    clock.advance(1)
    assert pace.held_lanes() == ()
