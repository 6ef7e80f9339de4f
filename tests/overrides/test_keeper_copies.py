"""An operator's word in two copies, file and database, and a clock that is set between."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.overrides.clocks import HOUR, SettableClock
from tests.overrides.conftest import Process
from tests.support.narrowing import not_none


def test_what_the_file_lost_the_database_brings_back(
    start: Callable[..., Process], path: Path
) -> None:
    first = start()
    first.database.upgrade()
    assert first.keeper.act("plex", "open").database
    path.unlink()
    second = start()
    assert second.state == "closed"
    second.keeper.sync()
    assert second.state == "forced_open"
    assert start().state == "forced_open"


def test_an_older_copy_in_the_database_brings_nothing_back(start: Callable[..., Process]) -> None:
    first = start()
    first.database.upgrade()
    first.keeper.act("plex", "open")
    store = first.store
    old = store.all()
    first.keeper.act("plex", "enable")
    store.forget(store.all())
    store.put(old)
    first.keeper.sync()
    assert first.state == "closed"
    assert [each.action for each in store.all()] == ["enable"]


def test_what_was_said_while_the_database_was_away_follows(start: Callable[..., Process]) -> None:
    first = start()
    assert not first.keeper.act("plex", "open").database
    first.database.upgrade()
    first.keeper.sync()
    assert [each.action for each in first.store.all()] == ["open"]


def test_after_every_copy_was_lost_the_new_word_is_higher_than_any_old_one(
    start: Callable[..., Process], path: Path, clock: SettableClock
) -> None:
    first = start()
    first.keeper.act("plex", "open")
    old = first.keeper.active()[0].revision
    path.unlink()
    clock.advance(1)
    second = start()
    second.keeper.act("plex", "disable")
    assert second.keeper.active()[0].revision > old


def test_tombstones_are_forgotten_after_a_month_everywhere(
    start: Callable[..., Process], clock: SettableClock, path: Path
) -> None:
    first = start()
    first.database.upgrade()
    first.keeper.act("plex", "open", expires_in=1)
    clock.advance(31 * 86_400)
    first.keeper.sync()
    first.registry.breaker("other")
    first.keeper.act("other", "open")
    assert [each.breaker for each in first.store.all()] == ["other"]
    assert "plex" not in path.read_text()


def test_what_was_ended_elsewhere_ends_here_and_leaves_what_opened_by_itself(
    start: Callable[..., Process], path: Path
) -> None:
    """The database tells of it only after the start."""
    first = start()
    first.database.upgrade()
    first.keeper.act("plex", "open")
    second = start()
    second.registry.breaker("overseerr")
    for name in ("plex", "overseerr"):
        first.registry.breaker(name)
        first.keeper.act(name, "close")
    path.unlink()
    for _ in range(5):
        second.registry.breaker("overseerr").acquire().failure(ConnectionError())
    second.keeper.sync()
    assert (second.state, second.registry.breaker("overseerr").state.value) == ("closed", "open")


def test_a_clock_that_is_set_forward_past_the_expiry_ends_it(
    start: Callable[..., Process], clock: SettableClock
) -> None:
    """As it would be for a process that starts now."""
    process = start()
    process.keeper.act("plex", "open", expires_in=HOUR)
    clock.offset = timedelta(hours=2)
    process.keeper.follow()
    assert (process.state, start().state) == ("closed", "closed")


def test_a_clock_that_is_set_back_prolongs_nothing(
    start: Callable[..., Process], clock: SettableClock
) -> None:
    process = start()
    process.keeper.act("plex", "open", expires_in=HOUR)
    clock.offset = timedelta(hours=-5)
    seen = start().plex.snapshot()
    assert (not_none(seen.expires_at) - clock.utc()).total_seconds() == HOUR
    clock.advance(HOUR)
    process.keeper.follow()
    assert (process.state, process.keeper.active()) == ("closed", [])
    assert start().state == "closed"


def test_after_the_clock_was_set_back_what_opened_by_itself_is_closed_all_the_same(
    start: Callable[..., Process], clock: SettableClock
) -> None:
    one, two = start(), start()
    clock.offset = timedelta(days=-300)
    for process in (one, two):
        for _ in range(5):
            process.plex.acquire().failure(ConnectionError())
    one.keeper.act("plex", "close")
    two.keeper.follow()
    assert (one.state, two.state) == ("closed", "closed")


def test_after_the_clock_was_set_back_the_next_word_is_still_the_last(
    start: Callable[..., Process], clock: SettableClock
) -> None:
    one, two = start(), start()
    one.keeper.act("plex", "open")
    clock.offset = timedelta(days=-300)
    two.keeper.act("plex", "enable")
    one.keeper.follow()
    assert (one.state, start().state) == ("closed", "closed")
