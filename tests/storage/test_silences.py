"""Silences of all processes: in the database, and obeyed while that is away."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import Connection, insert, select

from medianest.health.alerts import Alert, Silences
from medianest.resilience import ManualClock, SystemClock
from medianest.storage import DatabaseUnavailableError
from medianest.storage.alert_claims import AlertClaims, Marks
from medianest.storage.database import Database
from medianest.storage.silences import SilenceKeeper
from medianest.storage.tables import silences as table
from tests.support.narrowing import not_none

DOWN = "dependency-down:plex"


@pytest.fixture
def start(
    url: str, connect: Callable[..., Database], clock: ManualClock, database: Database
) -> Callable[[], SilenceKeeper]:
    """`start()` is what one more process has."""
    return lambda: SilenceKeeper(connect(url), Silences(clock), clock)


def test_it_is_kept_at_once_and_others_learn_it(start: Callable[[], SilenceKeeper]) -> None:
    here, there = start(), start()
    made = here.silence(DOWN, 600, "known", "kim")
    assert here.is_kept(made)
    assert there.of(DOWN) is None
    there.sync()
    assert (there.of(DOWN), there.active()) == (made, [made])
    assert there.is_kept(made)


def test_its_end_is_kept_too(start: Callable[[], SilenceKeeper]) -> None:
    here, there = start(), start()
    here.silence(DOWN, 600, "known", "kim")
    there.sync()
    ended = not_none(there.end(DOWN))
    assert there.is_kept(ended)
    here.sync()
    assert (here.of(DOWN), start().of(DOWN)) == (None, None)


def test_while_the_database_is_away_it_is_obeyed_and_written_later(
    database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Any) -> NoReturn:
        raise DatabaseUnavailableError("down")

    here = SilenceKeeper(database, Silences(clock), clock)
    with monkeypatch.context() as patched:
        patched.setattr(database, "write", down)
        made = here.silence(DOWN, 600, "known", "kim")
        assert (here.of(DOWN), here.is_kept(made)) == (made, False)
        with pytest.raises(DatabaseUnavailableError):
            here.sync()
    here.sync()
    assert here.is_kept(made)
    assert records(database) == [made.as_dict()]


def test_an_older_word_does_not_take_the_place_of_a_newer(
    start: Callable[[], SilenceKeeper], clock: ManualClock
) -> None:
    here, there = start(), start()
    old = there.silence(DOWN, 600, "old", "kim")
    clock.advance(1)
    new = here.silence(DOWN, 600, "new", "kim")
    there.sync()
    here.sync()
    assert (there.of(DOWN), here.of(DOWN)) == (new, new)
    assert not there.is_kept(old)


def test_what_is_long_over_is_forgotten(
    start: Callable[[], SilenceKeeper], database: Database, clock: ManualClock
) -> None:
    here = start()
    here.silence(DOWN, 600, "known", "kim")
    clock.advance(30 * 86400)
    here.sync()
    assert len(records(database)) == 1
    clock.advance(601)
    here.sync()
    assert records(database) == []


def test_one_that_cannot_be_read_harms_no_other(
    start: Callable[[], SilenceKeeper], database: Database
) -> None:
    def damage(connection: Connection) -> None:
        connection.execute(insert(table).values(key="x", revision=1, record={"key": "x"}))

    database.write(damage)
    here, there = start(), start()
    here.silence(DOWN, 600, "known", "kim")
    there.sync()
    assert [each.key for each in there.active()] == [DOWN]


def test_of_many_processes_one_tells_when_it_is_over(
    journal: AlertClaims,
    others: list[AlertClaims],
    fired: Callable[..., Alert],
    clock: ManualClock,
) -> None:
    """Keeps out: nobody told it, as it had been told before it was silenced; or everybody did."""
    assert journal.claim(fired())
    clock.advance(60)
    over = clock.utc()
    clock.advance(1)
    told = [each.claim(fired(silenced_until=over)) for each in (*others, journal)]
    assert told == [True, False, False, False, False]


def test_so_it_is_while_the_database_is_away(
    fired: Callable[..., Alert], clock: ManualClock, tmp_path: Path
) -> None:
    here, there = (Marks(tmp_path, 120.0, SystemClock()) for _ in range(2))
    over = clock.utc()
    assert [each.claim(fired()) for each in (here, there)] == [True, False]
    clock.advance(1)
    told = [each.claim(fired(silenced_until=over)) for each in (there, here)]
    assert told == [True, False]


def records(database: Database) -> list[Any]:
    def look(connection: Connection) -> list[Any]:
        return list(connection.execute(select(table.c.record)).scalars())

    return database.read(look)
