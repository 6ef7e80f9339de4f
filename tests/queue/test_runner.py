"""Doing deferred operations: gently, only while the service is well, and never for ever."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from medianest.queue.admin import QueueAdmin
from medianest.queue.errors import PayloadError
from medianest.queue.runner import Handler, QueueRunner
from medianest.resilience import (
    Deadline,
    ManualClock,
)
from tests.queue.handling import PAYLOAD, Upstream, states
from tests.support.narrowing import not_none


def test_what_is_due_is_done(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream
) -> None:
    ids = put("a", "b", "c")
    assert runner.run_due("h") == 3
    assert states(runner, ids) == ["done"] * 3
    assert not_none(runner.queue.get(ids[0])).result == "ok"


def test_a_permanent_error_makes_a_dead_letter_at_once(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream
) -> None:
    ids = put("a")
    upstream.answer = LookupError("no such title")
    runner.run_due("h")
    assert states(runner, ids) == ["dead"]
    assert not_none(runner.queue.get(ids[0])).error_type == "LookupError"


def test_an_operations_own_failures_are_spread_out(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream, clock: ManualClock
) -> None:
    put("a")
    upstream.answer = ValueError("bug")
    waits: list[float] = []
    while len(waits) < 4:
        before = len(upstream.calls)
        runner.run_due("h")
        if len(upstream.calls) == before:
            clock.advance(1)
            waits[-1] += 1
        else:
            waits.append(0)
    assert waits[:-1] == [10, 20, 40]


def run_for(runner: QueueRunner, clock: ManualClock, seconds: int, step: int = 30) -> None:
    for _ in range(int(seconds / step)):
        runner.run_due("h")
        clock.advance(step)


def failing_for(title: int) -> Callable[[Mapping[str, Any]], str]:
    def execute(payload: Mapping[str, Any]) -> str:
        if payload["n"] == title:
            raise ValueError("unknown")
        return "ok"

    return execute


def test_an_unknown_failure_kills_only_after_long_and_while_others_are_done(
    runner: QueueRunner, clock: ManualClock
) -> None:
    """Keeps out: an error whose meaning nobody knows makes a dead letter within minutes."""
    runner.register(Handler(name="h", service="svc", execute=failing_for(0)))
    poison = runner.queue.enqueue("h", {"n": 0}, "0").operation.id
    run_for(runner, clock, 3000)
    runner.queue.enqueue("h", {"n": 1}, "1")
    run_for(runner, clock, 500)
    assert not_none(runner.queue.get(poison)).failures > 3
    assert not_none(runner.queue.get(poison)).state == "pending"
    run_for(runner, clock, 600)
    assert not_none(runner.queue.get(poison)).state == "dead"


@pytest.mark.slow
def test_an_unknown_failure_kills_nothing_while_no_other_is_done(
    runner: QueueRunner, clock: ManualClock
) -> None:
    """Keeps out: what fails for all, for a reason nobody has foreseen, kills all."""
    runner.register(Handler(name="h", service="svc", execute=failing_for(0)))
    one = runner.queue.enqueue("h", {"n": 0}, "0").operation.id
    run_for(runner, clock, 20_000)
    assert not_none(runner.queue.get(one)).state == "pending"


def test_a_failure_of_its_own_does_not_keep_the_others_from_being_done(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream
) -> None:
    ids = put("bad", "good")

    def one_bad(payload: Mapping[str, Any]) -> str:
        raise_it = len(upstream.calls) == 0
        upstream.calls.append(payload)
        if raise_it:
            raise ValueError
        return "ok"

    runner.register(Handler(name="h", service="svc", execute=one_bad))
    runner.run_due("h")
    assert states(runner, ids) == ["pending", "done"]


def test_what_was_tried_once_keeps_its_place_before_the_younger(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream, clock: ManualClock
) -> None:
    """Keeps out: what an outage met comes last of two thousand."""
    put("old")
    upstream.answer = ConnectionError("down")
    runner.run_due("h")
    clock.advance(1)
    for number in range(50):
        runner.queue.enqueue("h", {"n": number}, f"young-{number}")
    upstream.answer = "ok"
    clock.advance(60)
    upstream.calls.clear()
    runner.run_due("h")
    assert upstream.calls.index(PAYLOAD) == 1  # behind the one that shows that it is over


def test_it_stops_between_two_operations_when_told_to(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream
) -> None:
    ids = put("a", "b", "c")
    runner.run_due("h", until=lambda: len(upstream.calls) >= 1)
    assert states(runner, ids) == ["done", "pending", "pending"]
    assert [not_none(runner.queue.get(one)).attempts for one in ids] == [1, 0, 0]


def test_a_result_that_cannot_be_kept_is_a_failure(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream
) -> None:
    upstream.answer = object()
    (one,) = put("a")
    runner.run_due("h")
    assert (not_none(runner.queue.get(one)).state, not_none(runner.queue.get(one)).failures) == (
        "pending",
        1,
    )


def test_a_retry_by_hand_has_its_whole_time_before_it(
    runner: QueueRunner,
    put: Callable[..., list[str]],
    upstream: Upstream,
    admin: QueueAdmin,
    clock: ManualClock,
) -> None:
    (one,) = put("a")
    upstream.answer = ValueError("bug")
    run_for(runner, clock, 4000)
    upstream.answer = "ok"
    put("b")
    runner.run_due("h")
    admin.retry(one)
    upstream.answer = ValueError("bug")
    runner.run_due("h")
    seen = not_none(runner.queue.get(one))
    assert (seen.state, seen.failures, seen.failing_since) == ("pending", 1, clock.utc())


def test_one_that_takes_longer_than_its_lease_is_its_own_failure(
    runner: QueueRunner, put: Callable[..., list[str]], clock: ManualClock
) -> None:
    """Keeps out: an operation that is run again and again, and never counted."""
    (one,) = put("a")

    def too_long(payload: Mapping[str, Any]) -> Any:
        clock.advance(50)
        return Deadline(5, clock=clock).call(int)

    runner.register(Handler(name="h", service="svc", execute=too_long))
    runner.run_due("h")
    assert not_none(runner.queue.get(one)).failures == 1


def test_what_one_lane_may_not_do_now_keeps_no_other_from_being_done(
    runner: QueueRunner, clock: ManualClock
) -> None:
    """Keeps out: the quota of one user holds up the whole house, or is asked a thousand times."""
    asked = []

    class QuotaError(Exception):
        pass

    def execute(payload: Mapping[str, Any]) -> str:
        asked.append(payload["user"])
        if payload["user"] == "kim" and clock.now() < full_until:
            raise QuotaError
        return "ok"

    full_until = clock.now() + 300
    runner.register(Handler(name="h", service="svc", execute=execute, lane_outages=(QuotaError,)))
    ids = [
        runner.queue.enqueue("h", {"user": who}, f"{who}{n}", lane=who).operation.id
        for n in range(20)
        for who in ("kim", "lou")
    ]
    run_for(runner, clock, 290)
    assert (asked.count("lou"), states(runner, ids).count("done")) == (20, 20)
    assert asked.count("kim") < 40
    run_for(runner, clock, 90)
    assert states(runner, ids) == ["done"] * 40
    assert all(not_none(runner.queue.get(one)).failures == 0 for one in ids)


def test_operations_are_done_several_at_once_within_their_compartment(runner: QueueRunner) -> None:
    """Keeps out: one that hangs for its whole timeout, and nothing else goes on meanwhile."""
    together = threading.Barrier(4)

    def execute(payload: Mapping[str, Any]) -> str:
        if payload["n"] >= 0:
            together.wait(10)
        return "ok"

    runner.register(Handler(name="h", service="svc", execute=execute, concurrency=4))
    for n in (-1, -2, -3):
        runner.queue.enqueue("h", {"n": n}, str(n))
    assert runner.run_due("h") == 3  # one, and then two at once: four are next
    ids = [runner.queue.enqueue("h", {"n": n}, str(n)).operation.id for n in range(8)]
    assert runner.run_due("h") == 8
    assert states(runner, ids) == ["done"] * 8


def test_a_payload_that_its_handler_cannot_read_is_a_dead_letter(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream
) -> None:
    """Keeps out: an operation that an older version kept in another shape is tried for ever."""
    ids = put("a", "b")
    answers = iter([PayloadError("it has no media_id"), "ok"])

    def execute(payload: Mapping[str, Any]) -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    runner.register(Handler(name="h", service="svc", execute=execute))
    runner.run_due("h")
    assert states(runner, ids) == ["dead", "done"]
