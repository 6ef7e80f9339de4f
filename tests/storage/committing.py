"""A store, whose changes are committed together."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from medianest.resilience import Deadline
from medianest.storage.group_commit import GroupCommit
from tests.support.waiting import wait_until


class Store:
    """A list of numbers; what a transaction adds is there when it is committed. Each transaction
    waits until `may_go` is set."""

    def __init__(self) -> None:
        self.kept: list[int] = []
        self.commits: list[int] = []
        self.may_go, self.has_begun = threading.Event(), threading.Event()
        self.may_go.set()
        self.at_commit: Callable[[list[int]], None] = lambda added: None

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        self.has_begun.set()
        assert self.may_go.wait(20)
        added: list[int] = []
        yield added
        self.at_commit(added)
        self.kept += added
        self.commits.append(len(added))


class Part:
    """What one change adds, which can be taken away alone."""

    def __init__(self, added: Any) -> None:
        self._added, self._before = added, len(added)

    def commit(self) -> None:
        pass

    def rollback(self) -> None:
        del self._added[self._before :]


def adding(number: int) -> Callable[[Any], int]:
    def add(added: Any) -> int:
        added.append(number)
        return number

    return add


def within(seconds: float, group: GroupCommit, operation: Callable[..., int | None]) -> int | None:
    with Deadline(seconds).scope():
        return group.run(operation)


def is_waited_for(group: GroupCommit, count: int) -> bool:
    return group.waiting >= count


def begin(
    pool: ThreadPoolExecutor,
    store: Store,
    group: GroupCommit,
    operations: list[Callable[..., int | None]],
    times: list[float] | None = None,
) -> list[Future[Any]]:
    """The first of them is being written, and the others wait, each for so many seconds."""
    times = times or [60] * len(operations)
    store.may_go.clear()
    store.has_begun.clear()
    futures = [pool.submit(within, times[0], group, operations[0])]
    assert store.has_begun.wait(10)
    for count, operation in enumerate(operations[1:], 1):
        futures.append(pool.submit(within, times[count], group, operation))
        wait_until(partial(is_waited_for, group, count))
    return futures
