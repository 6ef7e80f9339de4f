"""Two that are accepted at one instant, in two processes: one comes while the other looks.

On a file one of them waits for the other, so here one is accepted in the midst of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import delete

from medianest.queue.accept import Acceptance
from medianest.queue.errors import IdempotencyError, OperationConflictError
from medianest.resilience import ManualClock
from medianest.storage.tables import deferred_operations as table
from tests.queue.by_hand import QueueByHand
from tests.queue.putting import put
from tests.storage.conftest import ServedDatabase
from tests.support.narrowing import not_none


@dataclass
class Meanwhile:
    """A bound that nothing reaches; when it is asked, another one is accepted."""

    other: Acceptance

    def refusal(self, connection: Any, client: Any) -> None:
        self.other.run(connection)


@pytest.fixture
def accepting(
    queue: QueueByHand, database: ServedDatabase, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Acceptance]:
    """What would be kept of a request, and is not yet."""

    class NotYetError(Exception):
        pass

    def prepare(key: str, **options: Any) -> Acceptance:
        found: list[Any] = []

        def write(run: Any) -> None:
            found.append(run.__self__)
            raise NotYetError

        with monkeypatch.context() as patched:
            patched.setattr(database, "write", write)
            with pytest.raises(NotYetError):
                put(queue, key, **options)
        [acceptance] = found
        return acceptance

    return prepare


def test_of_two_with_one_client_key_nothing_stays_of_the_second(
    queue: QueueByHand, database: ServedDatabase, accepting: Callable[..., Acceptance]
) -> None:
    first, second = (accepting(key, client_key="k", fingerprint="f") for key in "ab")
    accepted = database.write(replace(second, bound=Meanwhile(first)).run)  # type: ignore[arg-type]
    assert (accepted.operation.id, accepted.created, accepted.replayed) == (
        first.row["id"], False, True,
    )  # fmt: skip
    assert queue.get(second.row["id"]) is None
    assert queue.get(first.row["id"]) is not None


def test_of_two_requests_with_one_client_key_the_second_is_refused(
    queue: QueueByHand, database: ServedDatabase, accepting: Callable[..., Acceptance]
) -> None:
    first = accepting("a", client_key="k", fingerprint="f")
    second = accepting("b", client_key="k", fingerprint="another")
    with pytest.raises(IdempotencyError) as caught:
        database.write(replace(second, bound=Meanwhile(first)).run)  # type: ignore[arg-type]
    assert str(caught.value) == "the key 'k' came before with another request"
    assert queue.get(second.row["id"]) is None


def test_two_clients_may_choose_one_key(queue: QueueByHand) -> None:
    made = [
        put(queue, who, client_key="k", fingerprint=who, requested_by=who) for who in ("kim", "lou")
    ]
    assert [each.created for each in made] == [True, True]


def test_a_key_whose_operation_is_gone_stands_for_nothing(
    queue: QueueByHand, database: ServedDatabase
) -> None:
    gone = put(queue, client_key="k", fingerprint="f").operation.id
    database.write(lambda connection: connection.execute(delete(table).where(table.c.id == gone)))
    made = put(queue, client_key="k", fingerprint="f")
    assert (made.created, made.replayed) == (True, False)


def test_who_comes_after_a_dead_letter_in_doubt_is_to_find_out(
    queue: QueueByHand, clock: ManualClock
) -> None:
    """Keeps out: what may be there already is made a second time at once."""
    put(queue, "a", subject="movie:1", delay=20)
    clock.advance(20)
    lease = not_none(queue.claim("h"))
    queue.bury(lease, TimeoutError(), in_doubt=True)
    dead = not_none(queue.get(lease.operation.id))
    made = put(queue, "b", subject="movie:1", leased=True)
    assert (made.created, made.lease, made.operation.state) == (True, None, "pending")
    assert made.operation.run_at == made.operation.created_at
    doubt = made.operation.in_doubt_since, made.operation.first_sent_at
    assert doubt == (dead.in_doubt_since, dead.first_sent_at) == (clock.utc(), clock.utc())
    assert made.operation.in_doubt_since is not None
    assert put(queue, "c", subject="movie:1", leased=True).lease is None


def test_what_can_neither_be_kept_nor_found_is_refused_in_the_end(
    queue: QueueByHand, database: ServedDatabase, accepting: Callable[..., Acceptance]
) -> None:
    """Its id is there already, of one that has ended: so it would be if others ended each time."""
    acceptance = accepting("a")
    database.write(acceptance.run)
    queue.finish(not_none(queue.claim("h")), None)
    with pytest.raises(OperationConflictError) as caught:
        database.write(acceptance.run)
    assert str(caught.value) == "the same operation keeps changing: try again"
