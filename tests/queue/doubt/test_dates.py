"""What may have been sent is looked for from when it was sent first."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

from medianest.queue.admin import QueueAdmin
from medianest.queue.errors import PayloadError
from medianest.queue.runner import QueueRunner
from medianest.resilience import ManualClock
from tests.queue.by_hand import by_hand
from tests.queue.doubt.serving import Dated, Server, process
from tests.support.narrowing import not_none


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
