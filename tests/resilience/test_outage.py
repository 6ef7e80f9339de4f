"""One record of all calls that an action answered in an outage: how it adds up and ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medianest.resilience.recovery.outage import Outage
from medianest.resilience.recovery.record import RecoveryRecord, Step, StepOutcome

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
QUIET, AGAIN, DESCRIBED = 300.0, 60.0, 1.0


def step(seconds: float = 0.5, action: str = "serve", outcome: StepOutcome = "returned") -> Any:
    return Step(action, outcome, "an answer", seconds, 1)


@dataclass
class Call:
    """A failed call that an action answered."""

    attempts: int = 1
    seconds: float = 0.5
    by: str = "serve"
    age: float | None = None
    repeats: object = None
    steps: list[Step] = field(default_factory=lambda: [step()])
    error: Exception = field(default_factory=ConnectionError)
    service: str = "shop"
    operation: str = "shelf"

    def record(self) -> Any:
        return RecoveryRecord(
            at=BEGAN,
            operation=self.operation,
            service=self.service,
            outcome="recovered",
            recovered_by=self.by,
            error_type="ConnectionError",
            error_message="down",
            attempts=self.attempts,
            seconds=self.seconds,
            steps=tuple(self.steps),
            oldest_age=self.age,
        )


def begin(**values: Any) -> Any:
    call = Call(**values)
    return Outage(call.record(), call, now=100.0)


def test_calls_add_up() -> None:
    outage = begin(attempts=2)
    outage.count(Call(attempts=3, seconds=1.5, by="other"), ("ValueError", "wrong"), now=107.0)
    record = outage.record()
    assert (record.count, record.attempts, record.seconds) == (2, 5, 2.0)
    assert (record.recovered_by, record.error_type, record.error_message) == (
        "other", "ValueError", "wrong",
    )  # fmt: skip
    assert (record.at, record.last_at, record.ended_at) == (
        BEGAN,
        BEGAN + timedelta(seconds=7),
        None,
    )
    [total] = record.steps
    assert (total.count, total.seconds) == (2, 1.0)


def test_a_call_without_a_text_keeps_the_last_one() -> None:
    outage = begin()
    outage.count(Call(), None, now=101.0)
    assert (outage.record().error_type, outage.record().error_message) == (
        "ConnectionError",
        "down",
    )


def test_repeated_calls_are_counted_when_they_are_folded() -> None:
    outage = begin(attempts=2)
    for now in (101.0, 102.0):
        outage.repeat(now, None)
    assert outage.record().count == 1
    assert (outage.fold(), outage.fold()) == (2, 0)
    record = outage.record()
    assert (record.count, record.attempts, record.steps[0].count) == (3, 4, 3)
    assert record.last_at == BEGAN + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("first", "later", "oldest"),
    [(None, None, None), (5.0, None, 5.0), (None, 5.0, 5.0), (5.0, 7.0, 7.0), (5.0, 3.0, 5.0)],
)
def test_the_oldest_answer_is_known(first: Any, later: Any, oldest: Any) -> None:
    counted, repeated = begin(age=first), begin(age=first)
    counted.count(Call(age=later), None, now=101.0)
    repeated.repeat(101.0, later)
    assert counted.record().oldest_age == repeated.record().oldest_age == oldest


def test_what_is_quiet_for_long_is_past() -> None:
    outage = begin()
    assert not outage.is_past(100.0 + QUIET)
    assert outage.is_past(100.1 + QUIET)


def test_what_has_ended_may_begin_again_for_a_while() -> None:
    outage = begin()
    outage.end(110.0)
    assert outage.record().ended_at == BEGAN + timedelta(seconds=10)
    assert not outage.is_past(110.0 + AGAIN)
    assert outage.is_past(110.1 + AGAIN)
    outage.count(Call(), None, now=111.0)
    assert outage.record().ended_at is None
    outage.end(None)  # nobody has asked since
    assert outage.record().ended_at == BEGAN + timedelta(seconds=11)


def test_errors_are_described_now_and_then() -> None:
    outage = begin()
    assert not outage.wants_text(100.0 + DESCRIBED - 0.1)
    due = 100.0 + DESCRIBED
    assert outage.wants_text(due)
    outage.count(Call(), ("ValueError", "wrong"), now=due)
    assert not outage.wants_text(due)
