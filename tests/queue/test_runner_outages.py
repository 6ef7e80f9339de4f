"""While its service is away the queue rests, and nothing that waits is worse for it."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import pytest

from medianest.queue.operations import Lease
from medianest.queue.runner import Handler, QueueRunner
from medianest.resilience import (
    CircuitBreaker,
    CircuitBreakerOptions,
    CircuitOpenError,
    ManualClock,
    Policy,
    State,
)
from tests.queue.handling import PAYLOAD, Upstream, states
from tests.storage.conftest import ServedDatabase
from tests.support.narrowing import not_none


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


def test_the_last_second_of_a_rest_is_one_as_well(
    runner: QueueRunner, put: Callable[..., list[str]], clock: ManualClock
) -> None:
    def refuse(payload: Mapping[str, Any]) -> NoReturn:
        raise ConnectionError("down")

    runner.register(Handler(name="h", service="free", execute=refuse, outages=(ConnectionError,)))
    runner.queue.enqueue("h", PAYLOAD, "a")
    runner.run_due("h")
    clock.advance(9.5)
    reason = "the last operation failed at free; retrying in 0.5 s"
    assert runner.blocked_reason(runner.handlers[0]) == reason
    clock.advance(0.5)
    assert runner.blocked_reason(runner.handlers[0]) is None


def test_work_for_a_service_that_nobody_called_optional_goes_on_at_any_risk(
    runner: QueueRunner, put: Callable[..., list[str]], database: ServedDatabase
) -> None:
    put("a")
    service = database.service
    never = Policy(retry=None, circuit_breaker=CircuitBreakerOptions(failure_threshold=1))
    service.register_dependency("vital", never, criticality="critical")
    service.registry.breaker("vital").open()
    assert runner.run_due("h") == 1
