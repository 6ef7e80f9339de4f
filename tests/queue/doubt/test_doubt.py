"""What may have been done already is looked for, and sent again only when it is proven absent."""

from collections.abc import Callable

import pytest

from medianest.queue.runner import QueueRunner
from medianest.resilience import ManualClock
from tests.queue.by_hand import by_hand
from tests.queue.doubt.serving import Server, process
from tests.support.narrowing import not_none


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
