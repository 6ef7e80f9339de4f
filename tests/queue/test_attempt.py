"""One attempt: how it is noted, and whether others may be made now."""

from typing import Any

import pytest

from medianest.queue.attempt import Attempts
from medianest.queue.operations import PayloadError
from medianest.queue.pace import QueuePace
from medianest.queue.retry_policy import Handler
from medianest.queue.settlement import Settlement
from medianest.resilience import (
    BulkheadFullError,
    CircuitOpenError,
    DeadlineExceededError,
    ManualClock,
    Registry,
    remaining,
)
from medianest.storage.errors import DatabaseUnavailableError
from tests.queue.making import NOW, SETTINGS, at, lease


class LaneError(Exception):
    """A failure that holds back one lane."""


class Service:
    """Does and finds what the test says, or raises it."""

    def __init__(self) -> None:
        self.answer: Any = "made"
        self.found: Any = None
        self.asked: list[Any] = []

    def execute(self, payload: Any) -> Any:
        self.asked.append(("execute", dict(payload), remaining()))
        return self._give(self.answer)

    def look(self, payload: Any, since: Any) -> Any:
        self.asked.append(("look", dict(payload), since))
        return self._give(self.found)

    def _give(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer


class Doubts:
    """The part of the queue that an attempt needs: other processes are told of an outage."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.error: Exception | None = None

    def doubt_anew(self, handler: Any) -> None:
        self.told.append(handler)
        if self.error is not None:
            raise self.error


@pytest.fixture
def service() -> Any:
    return Service()


@pytest.fixture
def doubts() -> Any:
    return Doubts()


@pytest.fixture
def registry(clock: ManualClock) -> Any:
    return Registry(clock=clock)


@pytest.fixture
def attempts(registry: Any, service: Any, doubts: Any) -> Any:
    made = Attempts(doubts, registry, SETTINGS, random=lambda: 1.0)
    made.handlers["h"] = Handler(
        name="h",
        service="svc",
        execute=service.execute,
        look=service.look,
        permanent=(LookupError,),
        outages=(ConnectionError,),
        lane_outages=(LaneError,),
        uncertain=lambda error: isinstance(error, ConnectionAbortedError),
    )
    made.paces["h"] = QueuePace(registry.clock, concurrency=1)
    return made


@pytest.fixture
def pace(attempts: Any) -> Any:
    pace = attempts.paces["h"]
    pace.batch = 8
    return pace


def in_doubt(**values: Any) -> Any:
    return lease(in_doubt_since=at(-20), first_sent_at=at(-30), **values)


REFUSALS = [CircuitOpenError("svc", 30), BulkheadFullError("svc", 1)]


# -- doing it --------------------------------------------------------------------------------------


def test_what_is_done_is_done(attempts: Any, service: Any, pace: Any) -> None:
    its = lease(lane="slow")
    ended = attempts.attempt(its, 7)
    assert service.asked == [("execute", {"n": 1}, 7)]
    assert ended.settlement == Settlement.done(its, "made", NOW)
    assert (ended.go_on, ended.well, pace.last_success) == (True, True, NOW)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_what_was_refused_was_not_tried(
    attempts: Any, service: Any, pace: Any, refusal: Any, doubts: Any
) -> None:
    service.answer = refusal
    its = lease()
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.untried(its, NOW)
    assert (ended.go_on, ended.well, pace.batch, doubts.told) == (False, False, 1, [])


def test_what_had_no_time_was_tried(attempts: Any, service: Any) -> None:
    service.answer = DeadlineExceededError("svc", None)
    ended = attempts.attempt(lease(), 7)
    assert ended.settlement.values["failures"] == 1
    assert (ended.go_on, ended.well) == (True, False)


def test_a_failure_of_its_own_is_tried_later_and_others_go_on(
    attempts: Any, service: Any, pace: Any
) -> None:
    service.answer = error = ValueError("wrong")
    its = lease()
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.later(its, NOW, 10, error, own=True)
    assert (ended.go_on, pace.batch, pace.failed_last) == (True, 8, ())


def test_what_may_have_been_done_is_noted_as_such(attempts: Any, service: Any) -> None:
    service.answer = error = ConnectionAbortedError("lost")
    its = lease()
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.later(its, NOW, 10, error, in_doubt=True)


@pytest.mark.parametrize("random", [0.0, 1.0])
def test_waits_are_spread_from_their_half_to_their_whole(
    attempts: Any, service: Any, random: Any
) -> None:
    attempts.random = lambda: random
    service.answer = ValueError()
    ended = attempts.attempt(lease(), 7)
    assert ended.settlement.values["run_at"] == at(5 + 5 * random)


def test_what_can_never_be_done_is_a_dead_letter_and_is_logged(
    attempts: Any, service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    service.answer = error = LookupError("no such title")
    its = lease()
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.dead(its, NOW, error)
    assert ended.go_on
    assert caplog.messages == ["operation 1 (h) is a dead letter: no such title"]


def test_a_failure_of_a_lane_holds_that_lane_alone(
    attempts: Any, service: Any, pace: Any, doubts: Any
) -> None:
    service.answer = error = LaneError("too many of these")
    its = lease(lane="slow")
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.later(its, NOW, 10, error)
    assert (ended.go_on, pace.held_lanes(), doubts.told, pace.batch) == (True, ("slow",), [], 8)
    assert attempts.attempt(lease(), 7).go_on  # one without a lane
    assert pace.held_lanes() == ("slow",)


@pytest.mark.parametrize("result", [object(), float("nan")])
def test_a_result_that_cannot_be_kept_is_a_failure(
    attempts: Any, service: Any, result: Any
) -> None:
    service.answer = result
    assert attempts.attempt(lease(), 7).settlement.values["state"] == "pending"


# -- outages ---------------------------------------------------------------------------------------


def test_an_outage_that_no_breaker_counts_holds_all_for_a_while(
    attempts: Any, service: Any, pace: Any, doubts: Any, clock: ManualClock
) -> None:
    service.answer = error = ConnectionError("down")
    its = lease()
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.later(its, NOW, 10, error)
    assert (ended.go_on, pace.batch, pace.failed_last, doubts.told) == (False, 1, ("1",), ["h"])
    assert pace.hold_until == clock.now() + 10


def test_an_outage_that_a_breaker_counts_is_for_that_one_to_judge(
    attempts: Any, service: Any, registry: Any, pace: Any
) -> None:
    breaker = registry.breaker("svc", failure_threshold=2, counting="consecutive")
    service.answer = ConnectionError("down")
    attempts.handlers["h"] = Handler(
        name="h", service="svc", execute=breaker(service.execute), outages=(ConnectionError,)
    )
    ended = [attempts.attempt(lease(), 7) for _ in range(2)]
    assert [each.go_on for each in ended] == [True, False]
    assert pace.hold_until == float("-inf")


@pytest.mark.parametrize("error", [DatabaseUnavailableError("away"), CircuitOpenError("db", 1)])
def test_an_outage_is_known_here_though_others_cannot_be_told(
    attempts: Any, service: Any, doubts: Any, pace: Any, error: Any
) -> None:
    doubts.error, service.answer = error, ConnectionError("down")
    attempts.attempt(lease(), 7)
    assert pace.failed_last == ("1",)


# -- looking for what may have been done -----------------------------------------------------------


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
    assert attempts.attempt(its, 7).settlement.values["state"] == "pending"
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
