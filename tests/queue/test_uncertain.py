"""Who has no time to learn whether an operation was kept asks again, and it is kept once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from medianest.queue.store import DeferredQueue
from medianest.resilience import Deadline
from medianest.storage import DatabaseUncertainError


class Slow:
    """A change that is being made for as long as the test wants."""

    def __init__(self):
        self.is_inside, self.leave = threading.Event(), threading.Event()

    def __call__(self, connection):
        self.is_inside.set()
        assert self.leave.wait(20)


@pytest.fixture
def queue(connect, tmp_path, settings, clock):
    database = connect(f"sqlite:///{tmp_path / 'medianest.db'}")
    database.upgrade()
    return DeferredQueue(database, settings, clock)


def put(queue):
    with Deadline(1.0).scope():
        return queue.enqueue(
            "h", {"media_id": 1}, "a", client_key="k", fingerprint="f", leased=True
        )


def test_what_is_kept_too_late_is_found_when_it_comes_again(queue, clock):
    database, first, last = queue._database, Slow(), Slow()
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(database.write, first)]
        assert first.is_inside.wait(10)
        made = [(database.write, lambda connection: None), (put, queue), (database.write, last)]
        for count, call in enumerate(made, 1):
            calls.append(pool.submit(*call))
            while database._group.waiting < count:
                time.sleep(0.001)
        first.leave.set()
        with pytest.raises(DatabaseUncertainError):
            calls[2].result(10)
        last.leave.set()
    again = put(queue)
    assert (again.created, again.replayed, again.lease) == (False, True, None)
    assert again.operation.state == "running"
    assert queue.claim("h") is None
    clock.advance(61)  # the lease that nobody holds is over: it is done, by one
    assert queue.claim("h").operation.id == again.operation.id
    assert queue.claim("h") is None
