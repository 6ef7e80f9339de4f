"""The retry budget pays what exact arithmetic says, and never more."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from medianest.resilience import ManualClock, RetryBudget

MOST_SAVED = 100

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(1, 300)),
        st.tuples(st.just("retry"), st.integers(1, 20)),
        st.tuples(st.just("advance"), st.integers(1, 90)),
        st.tuples(st.just("look"), st.just(1)),
    ),
    max_size=60,
)
RATIOS = st.sampled_from(["0", "0.1", "0.2", "0.25", "0.3", "0.7", "1"])
RESERVES = st.integers(0, 12)
PERIODS = st.sampled_from([1, 7, 60, 61])


class ExactBudget:
    """The same in fractions."""

    def __init__(self, ratio: str, reserve: int, period: int) -> None:
        self.ratio, self.most, self.period = Fraction(ratio), Fraction(reserve), period
        self.earned, self.reserve = Fraction(0), Fraction(reserve)
        self.new_calls = self.seconds = 0

    def collect(self) -> None:
        self.earned = min(Fraction(MOST_SAVED), self.earned + self.new_calls * self.ratio)
        refill = self.seconds * self.most / self.period
        self.reserve = min(self.most, self.reserve + refill)
        self.new_calls = self.seconds = 0

    def withdraw(self) -> bool:
        self.collect()
        if self.earned >= 1:
            self.earned -= 1
            return True
        if self.reserve >= 1:
            self.reserve -= 1
            return True
        return False


@settings(max_examples=300, deadline=None)
@given(ratio=RATIOS, reserve=RESERVES, period=PERIODS, steps=STEPS)
def test_it_pays_exactly_what_was_earned_and_reserved(
    ratio: str, reserve: int, period: int, steps: list[tuple[str, int]]
) -> None:
    clock = ManualClock()
    budget = RetryBudget(float(ratio), reserve, period, clock=clock)
    exact = ExactBudget(ratio, reserve, period)
    for what, number in steps:
        if what == "call":
            for _ in range(number):
                next(budget.calls.ticks)
            exact.new_calls += number
        elif what == "advance":
            clock.advance(number)
            exact.seconds += number
        elif what == "retry":
            for _ in range(number):
                assert budget.withdraw() == exact.withdraw()
        else:
            exact.collect()
            assert budget.snapshot()["left"] == int(exact.earned) + int(exact.reserve)


@settings(max_examples=200, deadline=None)
@given(ratio=RATIOS, reserve=RESERVES, period=PERIODS, steps=STEPS)
def test_retries_never_exceed_the_share_of_calls_and_the_reserve(
    ratio: str, reserve: int, period: int, steps: list[tuple[str, int]]
) -> None:
    clock = ManualClock()
    budget = RetryBudget(float(ratio), reserve, period, clock=clock)
    calls = paid = seconds = 0
    for what, number in steps:
        if what == "call":
            calls += number
            for _ in range(number):
                next(budget.calls.ticks)
        elif what == "advance":
            seconds += number
            clock.advance(number)
        else:
            paid += sum(budget.withdraw() for _ in range(number))
        allowed = Fraction(ratio) * calls + reserve + Fraction(reserve * seconds, period)
        assert paid <= allowed
    assert budget.snapshot()["retries"] == paid
