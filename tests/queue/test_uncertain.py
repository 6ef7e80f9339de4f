"""Who has no time to learn whether an operation was kept asks again, and it is kept once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from medianest.config import QueueSettings
from medianest.queue.operations import Accepted
from medianest.resilience import Deadline, ManualClock
from medianest.storage import DatabaseUncertainError
from medianest.storage.database import Database
from tests.queue.by_hand import QueueByHand
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until


class Slow:
    """A change that is being made for as long as the test wants."""

    def __init__(self) -> None:
        self.is_inside, self.leave = threading.Event(), threading.Event()

    def __call__(self, connection: Connection) -> None:
        self.is_inside.set()
        assert self.leave.wait(20)


@pytest.fixture
def file(connect: Callable[..., Database], tmp_path: Path) -> Database:
    database = connect(f"sqlite:///{tmp_path / 'medianest.db'}")
    database.upgrade()
    return database


def is_waited_for(database: Database, count: int) -> bool:
    return database.waiting_writes >= count


def put(queue: QueueByHand) -> Accepted:
    with Deadline(1.0).scope():
        return queue.enqueue(
            "h", {"media_id": 1}, "a", client_key="k", fingerprint="f", leased=True
        )


def test_what_is_kept_too_late_is_found_when_it_comes_again(
    file: Database, settings: QueueSettings, clock: ManualClock
) -> None:
    queue, first, last = QueueByHand(file, settings, clock), Slow(), Slow()
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(file.write, first)]
        assert first.is_inside.wait(10)
        made: list[tuple[Callable[..., Any], Any]] = [
            (file.write, lambda connection: None),
            (put, queue),
            (file.write, last),
        ]
        for count, (function, argument) in enumerate(made, 1):
            calls.append(pool.submit(function, argument))
            wait_until(partial(is_waited_for, file, count))
        first.leave.set()
        with pytest.raises(DatabaseUncertainError):
            calls[2].result(10)
        last.leave.set()
    again = put(queue)
    assert (again.created, again.replayed, again.lease) == (False, True, None)
    assert again.operation.state == "running"
    assert queue.claim("h") is None
    clock.advance(61)  # the lease that nobody holds is over: it is done, by one
    assert not_none(queue.claim("h")).operation.id == again.operation.id
    assert queue.claim("h") is None
