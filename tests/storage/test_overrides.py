"""The copies of overrides in the database, of either kind."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from medianest.overrides.override import Override
from medianest.overrides.store import OverrideStore
from medianest.resilience import ManualClock
from medianest.storage.database import Database


@pytest.fixture
def store(database: Database) -> OverrideStore:
    return OverrideStore(database)


@pytest.fixture
def said(clock: ManualClock) -> Callable[..., Override]:
    def say(action: Any, revision: int, breaker: str = "plex") -> Override:
        until = clock.utc() + timedelta(hours=1) if action == "open" else None
        return Override(breaker, action, revision, clock.utc(), until, "weil", "operator")

    return say


def test_the_highest_revision_counts_in_whichever_order_they_come(
    store: OverrideStore, said: Callable[..., Override]
) -> None:
    milliseconds = 1_767_225_600_000
    opened, enabled = said("open", milliseconds), said("enable", milliseconds + 1)
    store.put([opened])
    assert store.all() == [opened]
    store.put([enabled])
    store.put([opened])
    assert store.all() == [enabled]
    store.put([])
    assert store.all() == [enabled]


def test_a_newer_word_is_not_forgotten_with_an_older_one(
    store: OverrideStore, said: Callable[..., Override]
) -> None:
    old, new = said("open", 1), said("enable", 2)
    store.put([new])
    store.forget([old])
    assert store.all() == [new]
    store.forget([new])
    assert store.all() == []


def test_a_damaged_row_costs_no_other(
    store: OverrideStore, database: Database, said: Callable[..., Override]
) -> None:
    store.put([said("open", 1), said("disable", 1, "overseerr")])
    broken = text("UPDATE overrides SET record = '{\"breaker\": 5}' WHERE breaker = 'plex'")
    database.write(lambda connection: connection.execute(broken))
    assert store.all() == [said("disable", 1, "overseerr")]
