"""Changes that are committed together: nobody waits beyond the own time for what others do."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from medianest.storage import DatabaseBusyError, DatabaseUncertainError
from medianest.storage.group_commit import GroupCommit
from tests.storage.committing import Part, Store, adding, begin


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
