"""The recovery action that puts into the queue what could not be done now."""

from typing import Any

import pytest

from medianest.queue.defer import DEFERRED, Deferral, Deferred, queue_for_later
from medianest.queue.operations import Lease
from medianest.queue.runner import Handler, QueueRunner
from medianest.resilience import Declined, RecoveryContext
from tests.support.narrowing import not_none


@pytest.fixture
def handler(runner: QueueRunner) -> Any:
    return runner.register(
        Handler(
            name="h",
            service="svc",
            execute=dict,
            permanent=(LookupError,),
            told_at_once=(PermissionError,),
        )
    )


@pytest.fixture
def action(runner: QueueRunner, handler: Any) -> Any:
    return queue_for_later(runner)


def context(deferred: Deferral | Lease | None = None, **values: Any) -> Any:
    metadata: dict[str, Any] = {} if deferred is None else {DEFERRED: deferred}
    return RecoveryContext(operation="op", service="svc", metadata=metadata, **values)


WANTED = Deferral("h", {"n": 1}, "k")


def test_it_is_for_what_can_be_deferred_alone_and_is_never_rehearsed(action: Any) -> None:
    assert (action.name, action.priority, action.suspend_for) == ("queue-for-later", 4, 0)
    assert action.concurrent
    assert action.concerns(context(WANTED))
    assert not action.concerns(context())
    assert action.rehearse(ConnectionError(), context(WANTED)) is None


@pytest.mark.parametrize(
    ("deferred", "error", "why"),
    [
        (None, ConnectionError(), "the operation cannot be done later"),
        ("h", ConnectionError(), "the operation cannot be done later"),
        (Deferral("x", {}, "k"), ConnectionError(), "there is no handler 'x'"),
        (WANTED, LookupError(), "retrying is no help: the error is permanent"),
        (WANTED, PermissionError(), "the error is for the caller to know at once"),
    ],
)
def test_what_later_is_no_help_for_is_declined(
    action: Any, deferred: Any, error: Any, why: Any
) -> None:
    declined = action.should_execute(error, context(deferred))
    assert isinstance(declined, Declined)
    assert declined.why == why


def test_what_could_not_be_done_is_kept_with_who_asked(runner: QueueRunner, action: Any) -> None:
    asked = context(WANTED, user="kim", correlation_id="abc")
    assert action.should_execute(ConnectionError(), asked) is True
    answer = action.execute(ConnectionError(), asked)
    assert isinstance(answer, Deferred)
    seen = not_none(runner.queue.get(answer.operation.id))
    assert (seen.handler, seen.payload, seen.idempotency_key) == ("h", {"n": 1}, "k")
    assert (seen.requested_by, seen.correlation_id, seen.state) == ("kim", "abc", "pending")


def test_what_is_in_the_queue_already_is_tried_later(runner: QueueRunner, action: Any) -> None:
    lease = not_none(runner.queue.enqueue("h", {"n": 1}, "k", leased=True).lease)
    held = context(lease)
    assert action.should_execute(ConnectionError(), held) is True
    answer = action.execute(ValueError("wrong"), held)
    assert (answer.operation.id, answer.operation.state) == (lease.operation.id, "pending")
    assert answer.operation.error_message == "wrong"


def test_another_name_and_another_place_may_be_chosen(runner: QueueRunner, handler: Any) -> None:
    action = queue_for_later(runner, name="later", priority=9)
    assert (action.name, action.priority) == ("later", 9)
