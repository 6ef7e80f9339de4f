"""Changes that come at once are committed together, and none suffers for another."""

import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

import pytest
from sqlalchemy.exc import DatabaseError

from medianest.resilience import Deadline
from medianest.storage import DatabaseBusyError, DatabaseUncertainError
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


class Lost(Part):
    """It cannot: all is undone."""

    def rollback(self) -> NoReturn:
        raise OSError("all of it is undone")


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def group(store: Store) -> GroupCommit:
    return GroupCommit(store.transaction, Part, 10.0)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as pool:
        yield pool


def adding(number: int) -> Callable[[Any], int]:
    def add(added: Any) -> int:
        added.append(number)
        return number

    return add


def frames(error: DatabaseError) -> list[str]:
    return [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]


def error_of(future: Future[Any]) -> DatabaseError:
    error = future.exception(10)
    assert isinstance(error, DatabaseError)
    return error


def failing(added: Any) -> NoReturn:
    added.append("never")
    raise KeyError("mine")


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


def test_one_change_is_one_transaction(store: Store, group: GroupCommit) -> None:
    assert group.run(adding(1)) == 1
    assert (store.kept, store.commits) == ([1], [1])


def test_those_who_waited_are_written_together_and_in_order(
    store: Store, group: GroupCommit, pool: ThreadPoolExecutor
) -> None:
    futures = begin(pool, store, group, [adding(n) for n in range(10)])
    store.may_go.set()
    assert [future.result(10) for future in futures] == list(range(10))
    assert (store.kept, store.commits) == (list(range(10)), [1, 9])


def test_the_error_of_one_is_its_own(
    store: Store, group: GroupCommit, pool: ThreadPoolExecutor
) -> None:
    futures = begin(pool, store, group, [adding(0), adding(1), failing, adding(2)])
    store.may_go.set()
    assert [futures[n].result(10) for n in (0, 1, 3)] == [0, 1, 2]
    with pytest.raises(KeyError, match="mine"):
        futures[2].result(10)
    assert (store.kept, store.commits) == ([0, 1, 2], [1, 2])


def test_nobody_does_anew_what_he_did_with_one_that_fails(
    store: Store, group: GroupCommit, pool: ThreadPoolExecutor
) -> None:
    """Keeps out: a client whose key comes twice costs all others a third of their speed."""
    done = []

    def counted(added: list[Any]) -> None:
        done.append(added)

    futures = begin(pool, store, group, [adding(0), counted, failing, counted])
    store.may_go.set()
    assert [futures[n].result(10) for n in (1, 3)] == [None, None]
    assert len(done) == 2


def test_who_writes_needs_no_part_of_his_own(store: Store, pool: ThreadPoolExecutor) -> None:
    """What he does is all that there is: undone with the transaction, and no one else's."""
    begun = []
    group = GroupCommit(store.transaction, lambda added: begun.append(added) or Part(added), 10.0)
    futures = begin(pool, store, group, [adding(0), failing, adding(1), adding(2)])
    store.may_go.set()
    assert [futures[n].result(10) for n in (0, 2, 3)] == [0, 1, 2]
    with pytest.raises(KeyError, match="mine"):
        futures[1].result(10)
    assert (store.kept, store.commits, len(begun)) == ([0, 1, 2], [1, 2], 1)


def test_one_that_has_the_whole_transaction_undone_keeps_nobody_else_from_writing(
    store: Store, pool: ThreadPoolExecutor
) -> None:
    group = GroupCommit(store.transaction, Lost, 10.0)
    futures = begin(pool, store, group, [adding(0), adding(1), failing, adding(2), failing])
    store.may_go.set()
    assert [futures[n].result(10) for n in (0, 1, 3)] == [0, 1, 2]
    for n in (2, 4):
        with pytest.raises(KeyError, match="mine"):
            futures[n].result(10)
    assert (store.kept, store.commits) == ([0, 1, 2], [1, 2])


def test_a_transaction_that_cannot_be_committed_is_everybodys_error(
    store: Store, group: GroupCommit
) -> None:
    def full(added: list[int]) -> NoReturn:
        raise OSError("no space")

    usual, store.at_commit = store.at_commit, full
    with pytest.raises(OSError, match="no space"):
        group.run(adding(1))
    store.at_commit = usual
    assert group.run(adding(2)) == 2


def test_who_waited_for_too_long_is_told_and_changes_nothing(
    store: Store, pool: ThreadPoolExecutor
) -> None:
    group = GroupCommit(store.transaction, Part, 0.05)
    futures = begin(pool, store, group, [adding(0), adding(1)])
    with pytest.raises(DatabaseBusyError):
        futures[1].result(10)
    store.may_go.set()
    assert futures[0].result(10) == 0
    assert store.kept == [0]


def test_nobody_waits_beyond_his_time_for_what_others_do(
    store: Store, group: GroupCommit, pool: ThreadPoolExecutor
) -> None:
    """Keeps out: somebody's slow change, or a slow disk, takes the time of all others. Who leaves
    is told whether he may have been written."""
    is_slow, leave = threading.Event(), threading.Event()

    def slow(added: list[int]) -> None:
        is_slow.set()
        assert leave.wait(20)

    operations = [adding(0), adding(1), adding(2), slow, adding(3), adding(4)]
    futures = begin(pool, store, group, operations, [60, 60, 1, 60, 1, 60])
    store.may_go.set()
    assert is_slow.wait(10)
    with pytest.raises(DatabaseUncertainError):
        futures[2].result(10)
    with pytest.raises(DatabaseBusyError):
        futures[4].result(10)
    leave.set()
    assert [futures[n].result(10) for n in (0, 1, 3, 5)] == [0, 1, None, 4]
    assert store.kept == [0, 1, 2, 4]


def test_who_writes_begins_nothing_for_others_when_his_time_is_over(
    store: Store, group: GroupCommit, pool: ThreadPoolExecutor
) -> None:
    def slow(added: list[Any]) -> None:
        threading.Event().wait(0.6)

    futures = begin(pool, store, group, [adding(0), slow, adding(1), adding(2)], [60, 0.5, 60, 60])
    store.may_go.set()
    assert [future.result(10) for future in futures] == [0, None, 1, 2]
    assert store.commits == [1, 0, 2]


def test_each_has_a_traceback_of_its_own_where_none_can_be_written(
    store: Store, group: GroupCommit, pool: ThreadPoolExecutor
) -> None:
    """Keeps out: an error that several raise tells the frames of them all, and grows."""
    cause = OSError("no space")

    def full(added: list[int]) -> None:
        if len(added) > 1:
            raise DatabaseError("COMMIT", None, cause) from cause

    store.at_commit = full
    futures = begin(pool, store, group, [adding(n) for n in range(5)])
    store.may_go.set()
    errors = [error_of(future) for future in futures[1:]]
    assert len(set(map(id, errors))) == 4
    assert {(type(e), str(e), e.orig, e.__cause__) for e in errors} == {
        (DatabaseError, str(errors[0]), cause, cause)
    }
    assert {frames(error).count("outcome") for error in errors} == {1}
    assert all("full" in frames(error) for error in errors)


class Interrupt(BaseException):
    pass


def test_an_interrupt_keeps_nobody_else_from_writing(
    store: Store, group: GroupCommit, pool: ThreadPoolExecutor
) -> None:
    """Keeps out: the thread that writes dies, and all others wait for it for ever."""

    def interrupted(added: list[Any]) -> NoReturn:
        raise Interrupt

    futures = begin(pool, store, group, [adding(0), interrupted, adding(1), adding(2)])
    store.may_go.set()
    assert [futures[n].result(10) for n in (0, 2, 3)] == [0, 1, 2]
    with pytest.raises(Interrupt):
        futures[1].result(10)
    assert group.run(adding(3)) == 3
    assert store.kept == [0, 1, 2, 3]


def test_many_threads_lose_nothing(
    store: Store, group: GroupCommit, pool: ThreadPoolExecutor
) -> None:
    found = list(pool.map(lambda n: group.run(adding(n)), range(2000)))
    assert found == list(range(2000))
    assert sorted(store.kept) == found
