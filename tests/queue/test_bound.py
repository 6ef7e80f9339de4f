"""The bound of the queue: counted once a second, and what came since."""

from collections.abc import Callable
from typing import Any

import pytest

from medianest.config import QueueSettings
from medianest.queue.bound import QueueBound
from medianest.resilience import ManualClock
from medianest.storage.database import Database
from tests.queue.by_hand import QueueByHand
from tests.support.narrowing import not_none


@pytest.fixture
def put(queue: QueueByHand) -> Callable[..., None]:
    def one(key: Any, client: Any) -> None:
        queue.enqueue("h", {"n": 1}, key, requested_by=client)

    return one


@pytest.fixture
def make_refused(
    database: Database, settings: QueueSettings, clock: ManualClock
) -> Callable[..., Any]:
    """A bound with these limits, and `refused(client)`: why one more of that client is too many."""

    def make(in_all: Any, of_each: Any) -> Any:
        limits = {"max_operations": in_all, "max_operations_per_client": of_each}
        bound = QueueBound(settings.model_copy(update=limits), clock)

        def refused(client: Any) -> Any:
            return database.read(lambda connection: bound.refusal(connection, client))

        return bound, refused

    return make


def test_the_operations_of_each_client_are_counted_once_a_second(
    put: Callable[[Any, Any], None], make_refused: Callable[..., Any], clock: ManualClock
) -> None:
    _, refused = make_refused(in_all=9, of_each=2)
    put("a", "kim"), put("b", "lee")
    assert refused("kim") is None
    put("c", "kim")
    assert refused("kim") is None  # counted less than a second ago
    clock.advance(0.9)
    assert refused("kim") is None
    clock.advance(0.1)
    assert str(refused("kim")).startswith("2 operations of kim wait")
    assert refused("kim").client == "kim"
    assert refused("lee") is None


def test_what_came_since_counts(
    put: Callable[[Any, Any], None], make_refused: Callable[..., Any]
) -> None:
    bound, refused = make_refused(in_all=4, of_each=3)
    put("a", None)
    assert refused(None) is None
    for _ in range(2):
        bound.note(None)
    assert str(refused(None)).startswith("3 operations of this client wait")
    assert refused("kim") is None
    bound.note("kim")
    assert str(refused("kim")).startswith("4 operations wait")
    assert refused("kim").client is None


def test_what_is_done_does_not_count(
    queue: QueueByHand, put: Callable[[Any, Any], None], make_refused: Callable[..., Any]
) -> None:
    bound, refused = make_refused(in_all=1, of_each=1)
    put("a", "kim")
    queue.finish(not_none(queue.claim("h")), None)
    assert refused("kim") is None
    put("b", "kim")
    queue.bury(not_none(queue.claim("h")), ValueError())
    assert refused("kim") is None  # counted just now
    bound.note("kim")
    assert refused("kim") is not None
