"""How slow a client may be."""

import pytest

from medianest.resilience import ManualClock
from medianest.server.pace import GRACE, LEAST_RATE, LITTLE_GRACE, ClientPace


@pytest.fixture
def pace(clock: ManualClock) -> ClientPace:
    return ClientPace(clock=clock)


def test_nothing_need_move_for_a_while(pace: ClientPace, clock: ManualClock) -> None:
    clock.advance(GRACE - 0.1)
    assert pace.left() > 0
    clock.advance(0.2)
    assert pace.left() < 0


def test_whoever_is_quick_enough_may_go_on_for_ever(pace: ClientPace, clock: ManualClock) -> None:
    for _ in range(100):
        clock.advance(1)
        pace.moved(int(LEAST_RATE))
        assert pace.left() > 0


def test_a_byte_now_and_then_is_too_little(pace: ClientPace, clock: ManualClock) -> None:
    for _ in range(int(GRACE) + 1):
        clock.advance(1)
        pace.moved(1)
    assert pace.left() < 0


def test_what_came_quickly_is_no_excuse_for_a_stop(pace: ClientPace, clock: ManualClock) -> None:
    pace.moved(10**9)
    clock.advance(GRACE + 0.1)
    assert pace.left() < 0


def test_it_is_known_who_is_too_slow_when_many_are(pace: ClientPace, clock: ManualClock) -> None:
    clock.advance(LITTLE_GRACE + 0.1)
    assert pace.is_slow()
    pace.moved(10**6)
    assert not pace.is_slow()
