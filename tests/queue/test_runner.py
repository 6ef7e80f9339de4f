"""Doing deferred operations: gently, only while the service is well, and never for ever."""

import pytest

from medianest.queue.runner import Handler
from medianest.resilience import (
    CircuitBreakerOptions,
    CircuitOpenError,
    Deadline,
    Policy,
    State,
)

PAYLOAD = {"media_id": 1}


class Upstream:
    """What a handler calls: answers or raises what the test says."""

    def __init__(self):
        self.answer, self.calls = "ok", []

    def __call__(self, payload):
        self.calls.append(payload)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def upstream():
    return Upstream()


@pytest.fixture
def breaker(drainer):
    return drainer.registry.breaker(
        "svc",
        failure_threshold=2,
        counting="consecutive",
        jitter=0,
        reset_timeout=30,
        expected_errors=ConnectionError,
    )


@pytest.fixture
def handler(drainer, upstream, breaker):
    return drainer.register(
        Handler(
            name="h",
            service="svc",
            execute=breaker(upstream.__call__),
            permanent=(LookupError,),
            outages=(ConnectionError,),
            uncertain=lambda error: isinstance(error, ConnectionAbortedError),
            settle_seconds=40,
        )
    )


@pytest.fixture
def put(drainer, handler):
    def put_all(*keys):
        return [drainer.queue.enqueue("h", PAYLOAD, key).operation.id for key in keys]

    return put_all


def states(drainer, ids):
    return [drainer.queue.get(one).state for one in ids]


def test_what_is_due_is_done(drainer, put, upstream):
    ids = put("a", "b", "c")
    assert drainer.drain("h") == 3
    assert states(drainer, ids) == ["done"] * 3
    assert drainer.queue.get(ids[0]).result == "ok"


def test_a_permanent_error_makes_a_dead_letter_at_once(drainer, put, upstream):
    ids = put("a")
    upstream.answer = LookupError("no such title")
    drainer.drain("h")
    assert states(drainer, ids) == ["dead"]
    assert drainer.queue.get(ids[0]).error_type == "LookupError"


def test_an_operations_own_failures_are_spread_out_and_end(drainer, put, upstream, clock):
    (one,) = put("a")
    upstream.answer = ValueError("bug")
    waits = []
    while drainer.queue.get(one).state == "pending":
        before = len(upstream.calls)
        drainer.drain("h")
        if len(upstream.calls) == before:
            clock.advance(1)
            waits[-1] += 1
        else:
            waits.append(0)
    assert drainer.queue.get(one).state == "dead"
    assert len(upstream.calls) == 3
    assert waits[:-1] == [10, 20]


def test_a_failure_of_its_own_does_not_keep_the_others_from_being_done(drainer, put, upstream):
    ids = put("bad", "good")

    def one_bad(payload):
        raise_it = len(upstream.calls) == 0
        upstream.calls.append(payload)
        if raise_it:
            raise ValueError
        return "ok"

    drainer.register(Handler(name="h", service="svc", execute=one_bad))
    drainer.drain("h")
    assert states(drainer, ids) == ["pending", "done"]


def test_an_outage_is_nobodys_attempt(drainer, put, upstream, breaker, clock):
    """Keeps out: a service that is down for a night makes dead letters of all that waits."""
    (one,) = put("a")
    upstream.answer = ConnectionError("down")
    for _ in range(100):
        drainer.drain("h")
        clock.advance(30)
    assert drainer.queue.get(one).state == "pending"
    assert drainer.queue.get(one).failures == 0
    upstream.answer = "ok"
    clock.advance(300)
    drainer.drain("h")
    assert drainer.queue.get(one).state == "done"


def test_nothing_is_claimed_while_the_breaker_is_open(drainer, put, upstream, breaker, clock):
    put("a", "b", "c")
    upstream.answer = ConnectionError("down")
    drainer.drain("h")
    clock.advance(1)
    drainer.drain("h")
    assert breaker.state is State.OPEN
    calls = len(upstream.calls)
    for _ in range(10):
        assert drainer.drain("h") == 0
    assert len(upstream.calls) == calls
    assert "cut off" in drainer.obstacle(drainer.handlers[0])


def test_a_refused_call_is_no_attempt(drainer, put):
    (one,) = put("a")

    def refuse(payload):
        raise CircuitOpenError("svc", 5.0)

    drainer.register(Handler(name="h", service="svc", execute=refuse))
    assert drainer.drain("h") == 0
    seen = drainer.queue.get(one)
    assert (seen.state, seen.attempts, seen.failures) == ("pending", 0, 0)


def test_what_may_still_be_under_way_gets_time_to_end(drainer, put, upstream, clock):
    """Keeps out: a second request while the first, which we gave up, is still being served."""
    put("a")
    upstream.answer = ConnectionAbortedError()
    drainer.drain("h")
    upstream.answer = "ok"
    clock.advance(39)
    assert drainer.drain("h") == 0
    clock.advance(2)
    assert drainer.drain("h") == 1


def test_after_an_outage_it_goes_slowly_at_first(drainer, put, upstream, breaker, clock):
    put("a", "z")
    upstream.answer = ConnectionError("down")
    drainer.drain("h")
    assert breaker.state is State.OPEN
    upstream.answer = "ok"
    clock.advance(60)
    put("b", "c", "d", "e", "f", "g", "h", "i")
    clock.slept.clear()
    drainer.drain("h")
    assert clock.slept[:4] == [0.5, 0.25, 0.125, 0.0625]
    assert drainer._paces["h"].pause == 0.0


def test_what_waits_for_too_long_is_a_dead_letter(drainer, put, upstream, clock):
    (one,) = put("a")
    upstream.answer = ConnectionError("down")
    clock.advance(3601)
    drainer.drain("h")
    assert drainer.queue.get(one).state == "dead"


def test_it_stops_between_two_operations_when_told_to(drainer, put, upstream):
    ids = put("a", "b", "c")
    drainer.drain("h", until=lambda: len(upstream.calls) >= 1)
    assert states(drainer, ids) == ["done", "pending", "pending"]
    assert [drainer.queue.get(one).attempts for one in ids] == [1, 0, 0]


def test_optional_work_waits_while_the_cascade_risk_is_critical(drainer, put, upstream, database):
    put("a")
    service = database.service
    never = Policy(retry=None, circuit_breaker=CircuitBreakerOptions(failure_threshold=1))
    service.register_dependency("svc", Policy(circuit_breaker=None, retry=None, bulkhead=None))
    service.register_dependency("vital", never, criticality="critical")
    service.registry.breaker("vital").open()
    assert drainer.drain("h") == 0
    assert "critical" in drainer.obstacle(drainer.handlers[0])
    service.registry.breaker("vital").close()
    drainer.registry.clock.advance(2)
    assert drainer.drain("h") == 1


def test_a_failure_that_no_breaker_counts_holds_all_back_for_a_while(drainer, put, upstream, clock):
    """Keeps out: a wrong key, and a thousand requests a minute with it."""

    class WrongKeyError(Exception):
        pass

    def refuse(payload):
        upstream.calls.append(payload)
        raise WrongKeyError

    drainer.register(Handler(name="h", service="free", execute=refuse, outages=(WrongKeyError,)))
    put_names = [drainer.queue.enqueue("h", PAYLOAD, str(n)) for n in range(20)]
    for _ in range(100):
        drainer.drain("h")
        clock.advance(1)
    assert len(upstream.calls) < 10
    assert "tried again" in drainer.obstacle(drainer.handlers[0])
    assert len(put_names) == 20


def test_one_that_fails_while_others_succeed_is_at_fault_itself(drainer, upstream, breaker, clock):
    """Keeps out: a title that looks like an outage for ever, and cuts all others off."""

    def execute(payload):
        if payload["n"] == 0:
            raise ConnectionError("always")
        return "ok"

    drainer.register(Handler(name="h", service="svc", execute=execute, outages=(ConnectionError,)))
    poison = drainer.queue.enqueue("h", {"n": 0}, "0").operation.id
    for number in range(1, 60):
        drainer.queue.enqueue("h", {"n": number}, str(number))
        drainer.drain("h")
        clock.advance(60)
    assert drainer.queue.get(poison).state == "dead"


def test_an_outage_that_asks_to_wait_is_given_the_time(drainer, put, upstream, clock):
    error = ConnectionError("busy")
    error.retry_after = 45.0
    upstream.answer = error
    (one,) = put("a")
    drainer.drain("h")
    assert (drainer.queue.get(one).run_at - clock.utc()).total_seconds() == 45


def test_a_result_that_cannot_be_kept_is_a_failure(drainer, put, upstream):
    upstream.answer = object()
    (one,) = put("a")
    drainer.drain("h")
    assert (drainer.queue.get(one).state, drainer.queue.get(one).failures) == ("pending", 1)


def test_a_retry_by_hand_has_its_whole_time_before_it(drainer, put, upstream, desk, clock):
    (one,) = put("a")
    upstream.answer = ConnectionError("down")
    clock.advance(3601)
    drainer.drain("h")
    desk.retry(one)
    drainer.drain("h")
    assert drainer.queue.get(one).state == "pending"


def test_one_that_takes_longer_than_its_lease_is_its_own_failure(drainer, put, clock):
    """Keeps out: an operation that is run again and again, and never counted."""
    (one,) = put("a")

    def too_long(payload):
        clock.advance(50)
        return Deadline(5, clock=clock).call(int)

    drainer.register(Handler(name="h", service="svc", execute=too_long))
    for _ in range(10):
        drainer.drain("h")
        clock.advance(100)
    assert drainer.queue.get(one).state == "dead"
