"""Doing deferred operations: gently, only while the service is well, and never for ever."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import pytest

from medianest.queue.admin import QueueAdmin
from medianest.queue.operations import Lease, PayloadError
from medianest.queue.runner import Handler, QueueRunner
from medianest.resilience import (
    CircuitBreaker,
    CircuitBreakerOptions,
    CircuitOpenError,
    Deadline,
    ManualClock,
    Policy,
    State,
)
from tests.storage.conftest import ServedDatabase
from tests.support.narrowing import not_none

PAYLOAD = {"media_id": 1}


class Upstream:
    """What a handler calls: answers or raises what the test says."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, Any]] = []
        self.answer: object = "ok"

    def __call__(self, payload: Mapping[str, Any]) -> object:
        self.calls.append(payload)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def breaker(runner: QueueRunner) -> CircuitBreaker:
    return runner.registry.breaker(
        "svc",
        failure_threshold=2,
        counting="consecutive",
        jitter=0,
        reset_timeout=30,
        expected_errors=ConnectionError,
    )


@pytest.fixture
def handler(runner: QueueRunner, upstream: Upstream, breaker: CircuitBreaker) -> Any:
    return runner.register(
        Handler(
            name="h",
            service="svc",
            execute=breaker(upstream.__call__),
            permanent=(LookupError,),
            outages=(ConnectionError,),
            uncertain=lambda error: isinstance(error, ConnectionAbortedError),
        )
    )


@pytest.fixture
def put(runner: QueueRunner, handler: Any) -> Callable[..., list[str]]:
    def put_all(*keys: str) -> list[str]:
        return [runner.queue.enqueue("h", PAYLOAD, key).operation.id for key in keys]

    return put_all


def states(runner: QueueRunner, ids: list[str]) -> list[str]:
    return [not_none(runner.queue.get(one)).state for one in ids]


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


def test_an_outage_is_nobodys_attempt(
    runner: QueueRunner,
    put: Callable[..., list[str]],
    upstream: Upstream,
    breaker: CircuitBreaker,
    clock: ManualClock,
) -> None:
    """Keeps out: a service that is down for a night makes dead letters of all that waits."""
    (one,) = put("a")
    upstream.answer = ConnectionError("down")
    for _ in range(100):
        runner.run_due("h")
        clock.advance(30)
    assert not_none(runner.queue.get(one)).state == "pending"
    assert not_none(runner.queue.get(one)).failures == 0
    upstream.answer = "ok"
    clock.advance(300)
    runner.run_due("h")
    assert not_none(runner.queue.get(one)).state == "done"


def test_nothing_is_claimed_while_the_breaker_is_open(
    runner: QueueRunner,
    put: Callable[..., list[str]],
    upstream: Upstream,
    breaker: CircuitBreaker,
    clock: ManualClock,
) -> None:
    put("a", "b", "c")
    upstream.answer = ConnectionError("down")
    runner.run_due("h")
    clock.advance(1)
    runner.run_due("h")
    assert breaker.state is State.OPEN
    calls = len(upstream.calls)
    for _ in range(10):
        assert runner.run_due("h") == 0
    assert len(upstream.calls) == calls
    assert "blocked by its circuit breaker" in not_none(runner.blocked_reason(runner.handlers[0]))


def test_a_refused_call_is_no_attempt(runner: QueueRunner, put: Callable[..., list[str]]) -> None:
    (one,) = put("a")

    def refuse(payload: Mapping[str, Any]) -> NoReturn:
        raise CircuitOpenError("svc", 5.0)

    runner.register(Handler(name="h", service="svc", execute=refuse))
    assert runner.run_due("h") == 0
    seen = not_none(runner.queue.get(one))
    assert (seen.state, seen.attempts, seen.failures) == ("pending", 0, 0)


def note_batches(runner: QueueRunner, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many it takes at once, from now on."""
    taken: list[int] = []
    claim = runner.queue.claim_many

    def note(name: str, most: int, **held: Any) -> list[Lease]:
        taken.append(most)
        return claim(name, most)

    monkeypatch.setattr(runner.queue, "claim_many", note)
    return taken


def test_the_queue_begins_gently_and_then_takes_many_at_once(
    runner: QueueRunner, put: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(*map(str, range(20)))
    taken = note_batches(runner, monkeypatch)
    runner.run_due("h")
    assert taken[:5] == [1, 2, 4, 8, 16]


def test_after_an_outage_it_begins_gently_again(
    monkeypatch: pytest.MonkeyPatch,
    runner: QueueRunner,
    put: Callable[..., list[str]],
    upstream: Upstream,
    breaker: CircuitBreaker,
    clock: ManualClock,
) -> None:
    put(*map(str, range(20)))
    runner.run_due("h")
    upstream.answer = ConnectionError("down")
    put("a", "b")
    runner.run_due("h")
    assert breaker.state is State.OPEN
    upstream.answer = "ok"
    clock.advance(60)
    taken = note_batches(runner, monkeypatch)
    runner.run_due("h")
    assert taken[:2] == [1, 2]


def test_an_outage_of_weeks_kills_nothing(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream, clock: ManualClock
) -> None:
    """Keeps out: the family comes home from a holiday, and all that they asked for is dead."""
    ids = put(*map(str, range(5)))
    upstream.answer = ConnectionError("down")
    for _ in range(40):
        runner.run_due("h")
        clock.advance(86_400)
    upstream.answer = "ok"
    runner.run_due("h")
    clock.advance(60)
    runner.run_due("h")
    assert states(runner, ids) == ["done"] * 5


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


def test_optional_work_waits_while_the_cascade_risk_is_critical(
    runner: QueueRunner,
    put: Callable[..., list[str]],
    upstream: Upstream,
    database: ServedDatabase,
    clock: ManualClock,
) -> None:
    put("a")
    service = database.service
    never = Policy(retry=None, circuit_breaker=CircuitBreakerOptions(failure_threshold=1))
    service.register_dependency("svc", Policy(circuit_breaker=None, retry=None, bulkhead=None))
    service.register_dependency("vital", never, criticality="critical")
    service.registry.breaker("vital").open()
    assert runner.run_due("h") == 0
    assert "critical" in not_none(runner.blocked_reason(runner.handlers[0]))
    service.registry.breaker("vital").close()
    clock.advance(2)
    assert runner.run_due("h") == 1


def test_a_failure_that_no_breaker_counts_holds_all_back_for_a_while(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream, clock: ManualClock
) -> None:
    """Keeps out: a wrong key, and a thousand requests a minute with it."""

    class WrongKeyError(Exception):
        pass

    def refuse(payload: Mapping[str, Any]) -> NoReturn:
        upstream.calls.append(payload)
        raise WrongKeyError

    runner.register(Handler(name="h", service="free", execute=refuse, outages=(WrongKeyError,)))
    put_names = [runner.queue.enqueue("h", PAYLOAD, str(n)) for n in range(20)]
    for _ in range(100):
        runner.run_due("h")
        clock.advance(1)
    assert len(upstream.calls) < 10
    assert "retrying in" in not_none(runner.blocked_reason(runner.handlers[0]))
    assert len(put_names) == 20


def test_one_that_fails_while_others_succeed_is_at_fault_itself(
    runner: QueueRunner, upstream: Upstream, breaker: CircuitBreaker, clock: ManualClock
) -> None:
    """Keeps out: a title that looks like an outage for ever, and cuts all others off."""

    def execute(payload: Mapping[str, Any]) -> str:
        if payload["n"] == 0:
            raise ConnectionError("always")
        return "ok"

    runner.register(Handler(name="h", service="svc", execute=execute, outages=(ConnectionError,)))
    poison = runner.queue.enqueue("h", {"n": 0}, "0").operation.id
    for number in range(1, 120):
        runner.queue.enqueue("h", {"n": number}, str(number))
        runner.run_due("h")
        clock.advance(60)
    assert not_none(runner.queue.get(poison)).state == "dead"


def test_an_outage_that_asks_to_wait_is_given_the_time(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream, clock: ManualClock
) -> None:
    error: Any = ConnectionError("busy")
    error.retry_after = 25.0
    upstream.answer = error
    (one,) = put("a")
    runner.run_due("h")
    assert (not_none(runner.queue.get(one)).run_at - clock.utc()).total_seconds() == 25


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
