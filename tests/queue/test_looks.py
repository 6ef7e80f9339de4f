"""Looking for what may have been done already: what proves that it was, or was not."""

from typing import Any

import pytest

from medianest.queue.errors import PayloadError
from medianest.queue.settlement import Settlement
from medianest.resilience import CircuitOpenError, ManualClock
from tests.queue.making import NOW, REFUSALS, at, lease


def in_doubt(**values: Any) -> Any:
    return lease(in_doubt_since=at(-20), first_sent_at=at(-30), **values)


def test_what_is_found_is_done_and_not_sent_again(attempts: Any, service: Any) -> None:
    service.found, its = "found", in_doubt()
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.done(its, "found", NOW)
    assert ended.well
    [(what, payload, since)] = service.asked
    assert (what, payload) == ("look", {"n": 1})
    assert since <= at(-30)


def test_what_was_never_noted_as_sent_was_made_after_it_was_accepted(
    attempts: Any, service: Any
) -> None:
    service.found = "found"
    attempts.attempt(lease(in_doubt_since=at(-20)), 7)
    assert at(-200) < service.asked[0][2] <= at(-100)


def test_what_is_seen_to_be_absent_is_looked_for_again_after_the_settling_time(
    attempts: Any, service: Any
) -> None:
    its = in_doubt()
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.still_in_doubt(its, NOW, 40, absent_since=NOW)
    assert (ended.go_on, ended.well, [what for what, *_ in service.asked]) == (True, True, ["look"])


@pytest.mark.parametrize(("absent", "left"), [(-19, 21), (-10, 30), (0, 40)])
def test_the_settling_time_goes_on_while_the_service_is_well(
    attempts: Any, absent: Any, left: Any
) -> None:
    its = in_doubt(absent_since=at(absent))
    ended = attempts.attempt(its, 7)
    expected = Settlement.still_in_doubt(its, NOW, left, absent_since=at(absent))
    assert ended.settlement == expected


def test_what_is_proven_to_be_absent_is_sent_again(
    attempts: Any, service: Any, clock: ManualClock
) -> None:
    its = in_doubt(absent_since=at(-10))
    attempts.attempt(its, 7)  # from now on the age of that moment is known
    clock.advance(29.5)
    assert attempts.attempt(its, 7).settlement.values["run_at"] == at(30)
    clock.advance(0.5)
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.done(its, "made", at(30))
    assert [what for what, *_ in service.asked][-2:] == ["look", "execute"]


@pytest.mark.parametrize("absent", [1, -20, -25])
def test_an_absence_that_the_clock_makes_impossible_is_none(attempts: Any, absent: Any) -> None:
    """Of a time to come, or from before it was in doubt: the clock was set back since."""
    its = in_doubt(absent_since=at(absent))
    ended = attempts.attempt(its, 7)
    since = at(absent) if absent == -20 else NOW
    assert ended.settlement.values["absent_since"] == since


def test_the_settling_time_begins_anew_after_a_failure_of_the_service(
    attempts: Any, pace: Any
) -> None:
    pace.note_failure(at(-5), "2")
    its = in_doubt(absent_since=at(-10))
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.still_in_doubt(its, NOW, 40, absent_since=NOW)


def test_an_absence_from_before_it_was_in_doubt_is_none(attempts: Any) -> None:
    its = lease(in_doubt_since=NOW, first_sent_at=at(-30), absent_since=at(-10))
    assert attempts.attempt(its, 7).settlement.values["absent_since"] == NOW


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_look_that_was_refused_is_none(
    attempts: Any, service: Any, pace: Any, doubts: Any, refusal: Any
) -> None:
    service.found, its = refusal, in_doubt()
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.untried(its, NOW)
    assert (ended.go_on, ended.well, pace.batch) == (False, False, 1)
    cut_off = isinstance(refusal, CircuitOpenError)
    assert (doubts.told, pace.failed_last) == ((["h"], ("1",)) if cut_off else ([], ()))
    assert pace.failed_after(at(-1), NOW) is cut_off


def test_a_look_that_meets_an_outage_proves_nothing(
    attempts: Any, service: Any, pace: Any, doubts: Any, clock: ManualClock
) -> None:
    service.found = error = ConnectionError("down")
    its = in_doubt(absent_since=at(-10))
    ended = attempts.attempt(its, 7)
    expected = Settlement.still_in_doubt(its, NOW, 10, absent_since=None, error=error)
    assert ended.settlement == expected
    assert (ended.go_on, doubts.told, pace.failed_last) == (False, ["h"], ("1",))
    assert pace.hold_until == clock.now() + 10
    assert pace.failed_after(at(-1), NOW)


def test_a_look_that_fails_by_itself_counts_against_the_operation(
    attempts: Any, service: Any, pace: Any, doubts: Any
) -> None:
    service.found = error = ValueError("wrong")
    its = in_doubt()
    ended = attempts.attempt(its, 7)
    expected = Settlement.still_in_doubt(its, NOW, 10, absent_since=None, error=error, own=True)
    assert ended.settlement == expected
    assert (ended.go_on, doubts.told, pace.batch) == (True, [], 8)


def test_what_can_never_be_looked_for_is_a_dead_letter_in_doubt(
    attempts: Any, service: Any
) -> None:
    service.found = error = PayloadError("odd")
    its = in_doubt()
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.dead(its, NOW, error, in_doubt=True, sent=False)
    assert ended.go_on


def test_one_that_dies_of_looks_dies_by_the_rules_for_attempts(
    attempts: Any, service: Any, pace: Any
) -> None:
    """Failures over long, while others are done; a success of a time to come is none."""
    service.found = ValueError("wrong")
    its = in_doubt(failures=2, failing_since=at(-3600))
    pace.last_success = at(1)
    assert attempts.attempt(its, 7).settlement.values["state"] == "pending"
    pace.last_success = NOW
    assert attempts.attempt(its, 7).settlement.values["state"] == "dead"


def test_what_is_proven_to_be_absent_and_fails_when_it_is_sent_is_in_doubt_no_more(
    attempts: Any, service: Any, clock: ManualClock
) -> None:
    its = in_doubt(absent_since=at(-10))
    attempts.attempt(its, 7)
    clock.advance(30)
    service.answer = error = ValueError("wrong")
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.later(its, at(30), 10, error, own=True)
    assert (ended.settlement.values["occupies"], ended.go_on) == (0, True)
