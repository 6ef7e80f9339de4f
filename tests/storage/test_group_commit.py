"""Changes that come at once are committed together, and none suffers for another."""

import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn

import pytest
from sqlalchemy.exc import DatabaseError

from medianest.storage.group_commit import GroupCommit
from tests.storage.committing import Part, Store, adding, begin


class Lost(Part):
    """It cannot: all is undone."""

    def rollback(self) -> NoReturn:
        raise OSError("all of it is undone")


def frames(error: DatabaseError) -> list[str]:
    return [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]


def error_of(future: Future[Any]) -> DatabaseError:
    error = future.exception(10)
    assert isinstance(error, DatabaseError)
    return error


def failing(added: Any) -> NoReturn:
    added.append("never")
    raise KeyError("mine")


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
