"""The time of day is set while operations wait: forward by a month, or back by three hours."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from medianest.queue.admin import QueueAdmin
from medianest.queue.operations import Accepted
from medianest.queue.runner import QueueRunner
from medianest.resilience import ManualClock
from tests.queue.by_hand import by_hand
from tests.queue.doubt.serving import Dated, Server, process
from tests.support.narrowing import not_none

MONTH, THREE_HOURS = 30 * 86_400, 3 * 3600


@pytest.fixture
def server() -> Dated:
    return Dated()


@pytest.fixture
def runner(runner: QueueRunner, server: Dated) -> QueueRunner:
    return process(runner, server)


@pytest.fixture
def keep(runner: QueueRunner) -> Callable[..., Accepted]:
    def one(number: int, **options: Any) -> Accepted:
        return runner.queue.enqueue("h", {"n": number}, str(number), **options)

    return one


def run_for(runner: QueueRunner, clock: ManualClock, seconds: int, step: int = 5) -> None:
    for _ in range(int(seconds / step)):
        clock.advance(step)
        runner.run_due("h")


def test_what_waits_when_the_clock_is_set_back_waits_no_longer(
    runner: QueueRunner, keep: Callable[..., Accepted], server: Dated, clock: ManualClock
) -> None:
    """Keeps out: it waits for three hours more."""
    server.loses = False
    one = keep(1, delay=20).operation
    clock.set_by(-THREE_HOURS)
    runner.run_due("h")
    run_for(runner, clock, 15)
    assert server.made == []  # nor is it done before its time
    run_for(runner, clock, 25)
    assert not_none(runner.queue.get(one.id)).state == "done"


def test_a_lease_of_a_time_to_come_ends_when_it_would_have(
    runner: QueueRunner, keep: Callable[..., Accepted], server: Dated, clock: ManualClock
) -> None:
    """Keeps out: what a dead process held stays under way for three hours; and, looked for from a
    time on that is still to come, it is not found and made twice."""
    server.made.append(1)
    one, sent_at = keep(1, leased=True).operation, clock.utc()
    clock.set_by(-THREE_HOURS)
    run_for(runner, clock, 60)
    assert (server.looks, not_none(runner.queue.get(one.id)).state) == (0, "running")
    run_for(runner, clock, 45)
    seen = not_none(runner.queue.get(one.id))
    assert (seen.state, seen.result, server.made) == ("done", "found", [1])
    assert server.since < sent_at - timedelta(seconds=THREE_HOURS)


def test_who_holds_a_lease_of_a_time_to_come_keeps_it(
    runner: QueueRunner, keep: Callable[..., Accepted], clock: ManualClock
) -> None:
    """Also where only the clock of this host is wrong, which does not do it."""
    made = keep(1, leased=True)
    clock.set_by(-THREE_HOURS)
    run_for(runner, clock, 55)
    assert by_hand(runner).finish(not_none(made.lease), "made")


def test_what_is_in_doubt_when_the_clock_is_set_back_is_proven_all_the_same(
    runner: QueueRunner, keep: Callable[..., Accepted], server: Dated, clock: ManualClock
) -> None:
    """Keeps out: the service has failed "since", for three hours, and it is never sent."""
    server.keeps = False
    keep(1)
    runner.run_due("h")
    server.loses, server.keeps = False, True
    run_for(runner, clock, 20)
    clock.set_by(-THREE_HOURS)
    run_for(runner, clock, 150)
    assert server.made == [1]


def test_no_settling_time_is_over_as_the_clock_was_set_forward(
    runner: QueueRunner, keep: Callable[..., Accepted], server: Dated, clock: ManualClock
) -> None:
    """Keeps out: what may still be under way is sent a second time."""
    server.keeps = False
    keep(1)
    runner.run_due("h")
    server.loses, server.keeps = False, True
    run_for(runner, clock, 10)
    assert server.looks == 1
    clock.set_by(MONTH)
    run_for(runner, clock, 35)
    assert server.made == []
    run_for(runner, clock, 5)
    assert server.made == [1]


def test_nothing_becomes_too_old_as_the_clock_was_set_forward(
    runner: QueueRunner, keep: Callable[..., Accepted], clock: ManualClock
) -> None:
    """Keeps out: dead letters, a minute after they were asked for."""

    class Odd(Server):
        def execute(self, payload: Mapping[str, Any]) -> str:
            if payload["n"] == 1:
                raise ValueError("odd")
            return super().execute(payload)

    server = Odd()
    server.loses = server.keeps = False
    runner = process(runner, server)
    failing = keep(1).operation
    for number in range(2, 6):
        runner.run_due("h")
        clock.advance(100)
        keep(number)
        runner.run_due("h")
        clock.set_by(MONTH)
    seen = not_none(runner.queue.get(failing.id))
    assert seen.failures >= runner.settings.max_attempts
    assert seen.state == "pending"


def test_what_was_done_lately_is_kept_though_the_clock_was_set_forward(
    runner: QueueRunner,
    keep: Callable[..., Accepted],
    server: Dated,
    admin: QueueAdmin,
    clock: ManualClock,
) -> None:
    server.loses = False
    keep(1)
    runner.run_due("h")
    clock.advance(100)
    clock.set_by(MONTH)
    assert admin.prune() == 0
    clock.advance(899)
    assert admin.prune() == 0
    clock.advance(2)
    assert admin.prune() == 1
