"""What becomes of an operation that failed: whose fault it was, and when it is tried again."""

from datetime import datetime
from typing import Any

import pytest

from medianest.queue.errors import PayloadError
from medianest.queue.retry_policy import OUTAGE_DELAY, Decision, Handler, backoff, decide
from tests.queue.making import NOW, SETTINGS, at, operation


class AskedError(ConnectionError):
    """A failure that asks for a wait."""

    def __init__(self, retry_after: Any) -> None:
        super().__init__("later")
        self.retry_after = retry_after


class LaneError(ConnectionError):
    """A failure that holds back one lane."""


HANDLER = Handler(
    name="h",
    service="svc",
    execute=dict,
    permanent=(LookupError,),
    outages=(ConnectionError,),
    lane_outages=(LaneError,),
    uncertain=lambda error: isinstance(error, ConnectionAbortedError | KeyError),
)


def decided(
    error: Any, *, failing_for: float = 0.0, last_success: datetime | None = None, **values: Any
) -> Any:
    return decide(
        HANDLER, operation(**values), error, SETTINGS, failing_for=failing_for,
        last_success=last_success,
    )  # fmt: skip


def test_an_outage_is_nobodys_fault() -> None:
    expected = Decision(dead=False, own=False, outage=True, lane=False, delay=10, in_doubt=False)
    assert decided(ConnectionError()) == expected


def test_another_error_is_the_operations_own() -> None:
    expected = Decision(dead=False, own=True, outage=False, lane=False, delay=10, in_doubt=False)
    assert decided(ValueError()) == expected


def test_what_holds_back_a_lane_is_no_outage_of_all() -> None:
    expected = Decision(dead=False, own=False, outage=False, lane=True, delay=10, in_doubt=False)
    assert decided(LaneError()) == expected


@pytest.mark.parametrize("error", [LookupError(), KeyError(), PayloadError()])
def test_what_can_never_be_done_is_dead_and_never_in_doubt(error: Any) -> None:
    found = decided(error)
    assert (found.dead, found.in_doubt) == (True, False)


def test_what_may_have_been_done_is_in_doubt() -> None:
    assert decided(ConnectionAbortedError()).in_doubt


@pytest.mark.parametrize(
    ("attempts", "last_success", "own"),
    [(4, 1, True), (3, 1, False), (4, 0, False), (4, None, False)],
)
def test_who_meets_an_outage_again_and_again_while_others_are_done_is_at_fault(
    attempts: Any, last_success: Any, own: Any
) -> None:
    last = None if last_success is None else at(last_success)
    found = decided(ConnectionError(), attempts=attempts, last_success=last, since=NOW)
    assert (found.own, found.outage) == (own, True)


@pytest.mark.parametrize(
    ("failures", "failing_for", "last_success", "dead"),
    [
        (2, 3600, 1, True),
        (1, 3600, 1, False),
        (2, 3599, 1, False),
        (2, 3600, 0, False),
        (2, 3600, None, False),
    ],
)
def test_one_dies_only_after_many_failures_over_long_while_others_are_done(
    failures: Any, failing_for: Any, last_success: Any, dead: Any
) -> None:
    found = decided(
        ValueError(),
        failures=failures,
        failing_since=NOW,
        failing_for=failing_for,
        last_success=None if last_success is None else at(last_success),
    )
    assert found.dead is dead


def test_one_that_never_failed_by_itself_does_not_die() -> None:
    found = decided(ValueError(), failures=9, failing_for=9999, last_success=at(1))
    assert not found.dead


@pytest.mark.parametrize(("failures", "delay"), [(-1, 10), (0, 10), (1, 20), (3, 80), (4, 100)])
def test_waits_double_to_a_bound(failures: Any, delay: Any) -> None:
    assert backoff(SETTINGS, failures) == delay
    assert decided(ValueError(), failures=failures).delay == delay


def test_a_number_of_failures_without_end_overflows_nothing() -> None:
    assert backoff(SETTINGS, 10**6) == 100


@pytest.mark.parametrize(("attempts", "delay"), [(1, 10), (2, 20), (3, 30), (9, 30)])
def test_waits_in_an_outage_are_counted_by_attempts_and_shorter(attempts: Any, delay: Any) -> None:
    assert OUTAGE_DELAY == 30
    assert decided(ConnectionError(), attempts=attempts).delay == delay


@pytest.mark.parametrize(
    ("asked", "delay"), [(5, 10), (20, 20), (25.5, 25.5), (500, 30), ("20", 10), (None, 10)]
)
def test_an_outage_that_asks_to_wait_is_given_the_time_to_a_bound(asked: Any, delay: Any) -> None:
    assert decided(AskedError(asked)).delay == delay


def test_a_failure_of_its_own_that_asks_to_wait_is_given_more() -> None:
    found = decided(AskedError(500), attempts=4, last_success=at(1), since=NOW)
    assert (found.own, found.delay) == (True, 100)


def test_the_breakers_on_its_way_are_that_of_its_service_or_those_that_it_names() -> None:
    assert HANDLER.breaker_names == ("svc",)
    named = Handler(name="h", service="svc", execute=dict, breakers=("a", "b"))
    assert named.breaker_names == ("a", "b")


def test_a_handler_that_says_nothing_else_leaves_nothing_in_doubt() -> None:
    plain = Handler(name="h", service="svc", execute=dict)
    found = decide(plain, operation(), ValueError(), SETTINGS, failing_for=0.0, last_success=None)
    assert (found.in_doubt, plain.concurrency) == (False, 1)
