"""Definitions of dependencies: the same for all processes, whoever registers at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from medianest.resilience import ManualClock
from medianest.storage import DatabaseUnavailableError, SchemaError
from medianest.storage import dependencies as module
from medianest.storage.database import Database
from medianest.storage.dependencies import (
    DependencyConflictError,
    DependencyStore,
    UnknownDependencyError,
)

KNOWN = ("plex",)


@pytest.fixture
def store(database: Database, clock: ManualClock) -> DependencyStore:
    return DependencyStore(database, clock)


@pytest.fixture
def stores(
    url: str, connect: Callable[..., Database], database: Database, clock: ManualClock
) -> list[DependencyStore]:
    """Those of six processes."""
    return [DependencyStore(connect(url), clock) for _ in range(6)]


def definition(
    name: str = "shop", *, depends_on: Sequence[str] = (), **fields: Any
) -> dict[str, Any]:
    return {"name": name, "depends_on": list(depends_on), "type": "external-api", **fields}


def add(store: DependencyStore, *args: str, **fields: Any) -> bool:
    return store.add(definition(*args, **fields), "kim", KNOWN)


def outcome(
    function: Callable[..., Any], *args: DependencyStore | str, **fields: Any
) -> type[Exception] | bool:
    try:
        return function(*args, **fields)
    except (DependencyConflictError, UnknownDependencyError) as error:
        return type(error)


def names(store: DependencyStore) -> list[str]:
    return [found["name"] for found in store.all()]


def test_what_is_added_is_there_for_everybody_the_oldest_first(
    store: DependencyStore, stores: list[DependencyStore], clock: ManualClock
) -> None:
    options = {"reset_timeout": 2.5, "ignored_errors": None, "expected_errors": ["5xx"]}
    for name in ("z", "a", "m"):
        assert add(store, name, circuit_breaker=options)
        clock.advance(1)
    assert names(stores[0]) == ["z", "a", "m"]
    assert stores[0].all()[0] == definition("z", circuit_breaker=options)


def test_exactly_the_same_again_is_no_news(store: DependencyStore) -> None:
    assert add(store, type="queue")
    assert not add(store, type="queue")
    assert len(store.all()) == 1


def test_another_one_of_that_name_is_refused(store: DependencyStore) -> None:
    add(store, type="queue")
    with pytest.raises(DependencyConflictError, match="'shop' is registered with another"):
        add(store, type="cache")
    assert store.all() == [definition(type="queue")]


def test_it_depends_only_on_what_is_there(store: DependencyStore) -> None:
    with pytest.raises(UnknownDependencyError, match="disk, nas is not registered"):
        add(store, depends_on=["plex", "disk", "nas"])
    assert store.all() == []
    add(store, "disk")
    assert add(store, depends_on=["plex", "disk"])
    with pytest.raises(UnknownDependencyError):
        add(store, "self", depends_on=["self"])


def test_what_others_need_is_not_removed(store: DependencyStore, clock: ManualClock) -> None:
    add(store, "disk")
    clock.advance(1)
    for name in ("shop", "page"):
        add(store, name, depends_on=["disk"])
    with pytest.raises(DependencyConflictError, match="'disk' is needed by page, shop"):
        store.remove("disk")
    assert store.remove("shop")
    assert not store.remove("shop")
    assert store.remove("page")
    assert store.remove("disk")
    assert store.all() == []


def test_there_can_only_be_so_many(store: DependencyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    for number in range(3):
        add(store, str(number))
    with pytest.raises(DependencyConflictError, match="3 dependencies are registered"):
        add(store, "one more")
    assert not add(store, "0")  # it is there already
    store.remove("0")
    assert add(store, "one more")


def test_of_many_that_add_the_same_at_once_one_does(stores: list[DependencyStore]) -> None:
    with ThreadPoolExecutor(6) as pool:
        added = list(pool.map(add, stores))
    assert sorted(added) == [False] * 5 + [True]
    assert names(stores[0]) == ["shop"]


def test_of_many_that_add_another_one_of_that_name_one_does(stores: list[DependencyStore]) -> None:
    with ThreadPoolExecutor(6) as pool:
        kinds = range(6)
        added = list(pool.map(lambda s, n: outcome(add, s, number=n), stores, kinds))
    assert sorted(added, key=str) == [DependencyConflictError] * 5 + [True]
    assert stores[0].all() == [definition(number=added.index(True))]


@pytest.mark.parametrize("attempt", range(3))
def test_nothing_is_left_without_what_it_needs(
    store: DependencyStore, stores: list[DependencyStore], attempt: int
) -> None:
    """One removes what five others are about to depend on."""
    add(store, "disk")
    with ThreadPoolExecutor(6) as pool:
        added = [
            pool.submit(outcome, add, each, f"page {number}", depends_on=["disk"])
            for number, each in enumerate(stores[:5])
        ]
        removed = pool.submit(outcome, stores[5].remove, "disk").result()
        pages = sum(future.result() is True for future in added)
    if removed is True:
        assert (pages, names(store)) == (0, [])
    else:
        assert removed is DependencyConflictError
        assert pages >= 1
        assert "disk" in names(store)


def test_without_tables_it_says_so(
    connect: Callable[..., Database], url: str, clock: ManualClock
) -> None:
    store = DependencyStore(connect(url), clock)
    with pytest.raises(SchemaError, match="medianest db upgrade"):
        store.all()


def test_without_a_database_nothing_can_be_kept(
    connect: Callable[..., Database], clock: ManualClock
) -> None:
    store = DependencyStore(connect("postgresql://postgres@127.0.0.1:1/x", timeout=0.5), clock)
    for call in (store.all, lambda: add(store), lambda: store.remove("shop")):
        with pytest.raises(DatabaseUnavailableError):
            call()
