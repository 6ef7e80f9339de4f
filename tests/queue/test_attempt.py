"""One attempt: how it is noted, and whether others may be made now."""

from typing import Any

import pytest

from medianest.queue.retry_policy import Handler
from medianest.queue.settlement import Settlement
from medianest.resilience import CircuitOpenError, DeadlineExceededError, ManualClock, Registry
from medianest.storage.errors import DatabaseUnavailableError
from tests.queue.making import NOW, REFUSALS, SETTINGS, LaneError, at, lease

# -- doing it --------------------------------------------------------------------------------------


def test_what_is_done_is_done(attempts: Any, service: Any, pace: Any) -> None:
    its = lease(lane="slow")
    pace.hold_lane("slow", SETTINGS, lambda delay: delay)
    ended = attempts.attempt(its, 7)
    assert pace.held_lanes() == ()
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


def test_one_that_dies_after_many_tries_may_have_been_done(
    attempts: Any, service: Any, pace: Any
) -> None:
    service.answer = error = ConnectionAbortedError("lost")
    pace.last_success = NOW
    its = lease(attempts=4, failures=2, failing_since=at(-3600))
    ended = attempts.attempt(its, 7)
    assert ended.settlement == Settlement.dead(its, NOW, error, in_doubt=True)


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
    assert pace.failed_after(at(-1), NOW)


def test_an_outage_that_a_breaker_counts_is_for_that_one_to_judge(
    attempts: Any, service: Any, registry: Registry, pace: Any
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
