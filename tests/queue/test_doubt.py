"""What may have been done already is looked for, and sent again only when it is proven absent."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

import pytest

from medianest.queue.admin import QueueAdmin
from medianest.queue.operations import PayloadError
from medianest.queue.runner import Handler, QueueRunner
from medianest.resilience import ManualClock
from medianest.resilience.cascade import CascadeMonitor
from tests.queue.by_hand import by_hand
from tests.support.narrowing import not_none


class Server:
    """Loses the answers of what it does while `loses`, and cannot be looked at while `away`."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.looks, self.loses, self.away = 0, True, False
        self.keeps = True

    def execute(self, payload: Mapping[str, Any]) -> str:
        if self.keeps:
            self.made.append(payload["n"])
        if self.loses:
            raise ConnectionError("no answer")
        return "made"

    def look(self, payload: Mapping[str, Any], since: datetime) -> str | None:
        self.looks += 1
        if self.away:
            raise ConnectionError("away")
        if payload.get("odd"):
            raise PayloadError("odd")
        return "found" if payload["n"] in self.made else None


@pytest.fixture
def server() -> Server:
    return Server()


def process(runner: QueueRunner, server: Server) -> QueueRunner:
    """Another process on the same queue."""
    registry = runner.registry
    careful = QueueRunner(
        runner.queue, registry, runner.settings, CascadeMonitor(registry), random=lambda: 1.0
    )
    careful.register(
        Handler(
            name="h",
            service="svc",
            execute=server.execute,
            look=server.look,
            outages=(ConnectionError,),
            uncertain=lambda error: True,
        )
    )
    return careful


@pytest.fixture
def careful(runner: QueueRunner, server: Server) -> QueueRunner:
    return process(runner, server)


@pytest.fixture
def put(runner: QueueRunner) -> Callable[..., str]:
    def one(number: int, **payload: Any) -> str:
        return runner.queue.enqueue("h", {"n": number, **payload}, str(number)).operation.id

    return one


def run_for(careful: QueueRunner, clock: ManualClock, seconds: int, step: int = 5) -> None:
    for _ in range(int(seconds / step)):
        careful.run_due("h")
        clock.advance(step)


def test_what_is_found_is_done_and_not_sent_again(
    careful: QueueRunner, put: Callable[..., str], server: Server, clock: ManualClock
) -> None:
    one = put(1)
    careful.run_due("h")
    server.loses = False
    run_for(careful, clock, 60)
    seen = not_none(careful.queue.get(one))
    assert (seen.state, seen.result, server.made) == ("done", "found", [1])


def test_what_is_not_found_is_sent_again_after_a_settling_time_and_a_second_look(
    careful: QueueRunner, put: Callable[..., str], server: Server, clock: ManualClock
) -> None:
    server.keeps = False
    one = put(1)
    careful.run_due("h")
    server.loses, server.keeps = False, True
    clock.advance(10)
    careful.run_due("h")
    assert (server.looks, server.made) == (1, [])
    clock.advance(39)
    careful.run_due("h")
    assert server.made == []
    clock.advance(1)
    careful.run_due("h")
    assert (server.looks, server.made, not_none(careful.queue.get(one)).state) == (2, [1], "done")


def test_the_settling_time_begins_anew_when_the_service_fails_meanwhile(
    careful: QueueRunner, put: Callable[..., str], server: Server, clock: ManualClock
) -> None:
    server.keeps = False
    put(1)
    careful.run_due("h")
    server.loses, server.keeps = False, True
    clock.advance(10)
    careful.run_due("h")  # not there
    clock.advance(30)
    put(2)
    server.loses = True
    careful.run_due("h")  # another one meets an outage
    server.loses = False
    clock.advance(10)
    careful.run_due("h")
    assert 1 not in server.made
    run_for(careful, clock, 60)
    assert server.made.count(1) == 1


def test_a_failure_that_one_process_has_seen_begins_the_settling_time_of_all(
    careful: QueueRunner,
    runner: QueueRunner,
    put: Callable[..., str],
    server: Server,
    clock: ManualClock,
) -> None:
    """Keeps out: a second process that knows nothing of the outage sends it again."""
    server.keeps = False
    put(1)
    careful.run_due("h")
    server.loses, server.keeps = False, True
    clock.advance(10)
    careful.run_due("h")  # not there
    clock.advance(20)
    server.loses = True
    put(2)
    careful.run_due("h")  # an outage
    server.loses = False
    clock.advance(20)
    process(runner, server).run_due("h")
    assert 1 not in server.made


def test_one_that_can_never_be_looked_for_keeps_no_other_from_being_done(
    careful: QueueRunner, put: Callable[..., str], server: Server, clock: ManualClock
) -> None:
    """Keeps out: one poisoned operation, and nothing that is in doubt is ever done."""
    server.keeps = False
    odd, good = put(1, odd=True), put(2)
    run_for(careful, clock, 30)
    server.loses, server.keeps = False, True
    run_for(careful, clock, 300)
    assert (not_none(careful.queue.get(odd)).state, not_none(careful.queue.get(good)).state) == (
        "dead",
        "done",
    )
    assert server.made == [2]


def test_a_crash_leaves_in_doubt_what_was_under_way(
    careful: QueueRunner,
    runner: QueueRunner,
    put: Callable[..., str],
    server: Server,
    clock: ManualClock,
) -> None:
    one = put(1)
    by_hand(runner).claim("h")  # and the process dies, after it has sent it
    server.made.append(1)
    clock.advance(61)
    careful.run_due("h")
    assert (not_none(careful.queue.get(one)).state, server.made) == ("done", [1])


def dead_in_doubt(careful: QueueRunner, subject: str = "movie:1") -> str:
    """A dead letter that may have been done."""
    made = careful.queue.enqueue("h", {"n": 1}, "first", subject=subject)
    (lease,) = careful.queue.claim_many("h", 1)
    assert by_hand(careful).bury(lease, ValueError("words that nobody knows"), in_doubt=True)
    return made.operation.id


@pytest.mark.parametrize("leased", [True, False])
@pytest.mark.parametrize("was_made", [True, False])
def test_a_dead_letter_in_doubt_is_in_nobodys_way(
    careful: QueueRunner, server: Server, clock: ManualClock, leased: bool, was_made: bool
) -> None:
    """Keeps out: whoever asked for that title again waited for ever, and nothing told why."""
    dead_in_doubt(careful)
    server.made, server.loses = [1] if was_made else [], False
    again = careful.queue.enqueue("h", {"n": 1}, "first", subject="movie:1", leased=leased)
    assert again.lease is None  # it is looked for first
    run_for(careful, clock, 60)
    seen = not_none(careful.queue.get(again.operation.id))
    assert (seen.state, seen.result) == ("done", "found" if was_made else "made")
    assert server.made == [1]


def test_one_that_waited_already_takes_the_doubt_of_a_dead_letter(
    careful: QueueRunner, server: Server, clock: ManualClock
) -> None:
    careful.queue.enqueue("h", {"n": 1}, "first", subject="movie:1", leased=True)
    waiting = careful.queue.enqueue("h", {"n": 1}, "of another", subject="movie:1").operation.id
    clock.advance(61)  # the process that had the lease is dead
    (lease,) = careful.queue.claim_many("h", 1)
    by_hand(careful).bury(lease, ValueError("words that nobody knows"), in_doubt=True)
    server.made, server.loses = [1], False
    run_for(careful, clock, 60)
    assert not_none(careful.queue.get(waiting)).result == "found"
    assert server.made == [1]


class Dated(Server):
    """Remembers since when it was to look."""

    def look(self, payload: Mapping[str, Any], since: datetime) -> str | None:
        self.since = since
        return super().look(payload, since)


def test_what_is_looked_for_was_sent_at_the_first_attempt_in_doubt(
    runner: QueueRunner, clock: ManualClock
) -> None:
    """Keeps out: what somebody else asked for, before ours was ever sent, is taken for ours."""
    server = Dated()
    server.keeps = False
    careful = process(runner, server)
    careful.queue.enqueue("h", {"n": 1}, "one", delay=100)
    clock.advance(100)
    sent = clock.utc()
    careful.run_due("h")
    clock.advance(10)
    careful.run_due("h")
    assert server.since == sent


def test_so_is_what_a_process_that_died_had_sent(runner: QueueRunner, clock: ManualClock) -> None:
    server = Dated()
    careful = process(runner, server)
    careful.queue.enqueue("h", {"n": 1}, "one", delay=100)
    clock.advance(100)
    sent = clock.utc()
    by_hand(careful).claim("h")  # and dies
    clock.advance(61)
    careful.run_due("h")
    assert server.since == sent


def test_a_retry_by_hand_does_not_put_off_what_is_in_doubt(
    careful: QueueRunner,
    admin: QueueAdmin,
    put: Callable[..., str],
    server: Server,
    clock: ManualClock,
) -> None:
    """Keeps out: whoever clicks once a minute prevents it for good."""
    server.keeps = False
    one = put(1)
    careful.run_due("h")
    server.loses, server.keeps = False, True
    clock.advance(10)
    careful.run_due("h")  # not there
    for _ in range(4):
        clock.advance(10)
        admin.retry(one)
        careful.run_due("h")
    assert (server.made, not_none(careful.queue.get(one)).state) == ([1], "done")


def test_a_look_that_finds_a_damaged_payload_leaves_when_it_was_sent(
    careful: QueueRunner, put: Callable[..., str], server: Server, clock: ManualClock
) -> None:
    """Keeps out: what was sent before is looked for from a later time on, and made twice."""
    server.keeps = False
    one = put(1)
    careful.run_due("h")
    sent = not_none(careful.queue.get(one)).first_sent_at
    clock.advance(10)
    careful.run_due("h")  # not there
    clock.advance(40)

    def damaged(payload: Mapping[str, Any], since: datetime) -> NoReturn:
        raise PayloadError("odd")

    careful.register(replace(careful.handlers[0], look=damaged))
    careful.run_due("h")
    seen = not_none(careful.queue.get(one))
    assert (seen.state, seen.first_sent_at) == ("dead", sent)
    assert seen.in_doubt_since is not None
