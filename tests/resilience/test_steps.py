"""Steps of the time of day: noticed once, and left out of ages."""

import pytest

from medianest.resilience import ManualClock
from medianest.resilience.steps import ClockSteps

MONTH, THREE_HOURS = 30 * 86_400, 3 * 3600


@pytest.mark.parametrize("step", [MONTH, -THREE_HOURS])
def test_a_step_is_noticed_once(clock: ManualClock, step: int) -> None:
    steps = ClockSteps(clock)
    clock.advance(10)
    assert steps.look() == 0
    clock.set_by(step)
    assert steps.look() == pytest.approx(step)
    assert steps.look() == 0
    clock.suspend(MONTH)  # a machine that slept has set no clock
    assert steps.look() == 0


def test_little_corrections_are_no_steps(clock: ManualClock) -> None:
    steps = ClockSteps(clock)
    for _ in range(100):
        clock.advance(1)
        clock.set_by(0.5)
        assert steps.look() == 0


def test_ages_leave_out_what_never_was(clock: ManualClock) -> None:
    steps, before = ClockSteps(clock), clock.utc()
    clock.advance(10)
    clock.set_by(MONTH)
    assert steps.age(before) == pytest.approx(10)
    after = clock.utc()
    clock.advance(5)
    assert steps.age(before) == pytest.approx(15)
    assert steps.age(after) == pytest.approx(5)
    assert steps.ago(20) <= before
    clock.advance(6)
    assert steps.ago(5) > after


def test_what_was_written_down_just_before_a_step_grows_no_older_by_it(clock: ManualClock) -> None:
    before, steps = clock.utc(), ClockSteps(clock)
    clock.set_by(MONTH)
    assert steps.age(before) == pytest.approx(0)
