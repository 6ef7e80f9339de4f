"""Each host learns at a look what others have said, and nobody's damage is another one's."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from medianest.cluster.entries import entry_of
from medianest.cluster.tier import LARGEST, MOST, Change
from medianest.overrides.override import Override
from medianest.resilience import ManualClock
from tests.cluster.conftest import Host
from tests.cluster.memory import Place
from tests.support.narrowing import not_none

Start = Callable[[str], Host]


def word(clock: ManualClock, **members: object) -> Override:
    revision = int(clock.utc().timestamp() * 1000)
    given = {"breaker": "plex", "action": "open", "revision": revision, "at": clock.utc()}
    return Override(**{**given, **members})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("action", "state"),
    [("open", "forced_open"), ("disable", "disabled"), ("close", "closed"), ("reset", "closed")],
)
def test_a_word_reaches_the_other_host(start: Start, action: str, state: str) -> None:
    one, two = start("one"), start("two")
    for _ in range(5):
        two.plex.acquire().failure(ConnectionError())
    one.keeper.act("plex", action, reason="moving", actor="operator")  # type: ignore[arg-type]
    one.look()
    two.look()
    assert two.state == state
    assert two.file.read() == one.file.read()
    assert (one.exchange.told, two.exchange.learned) == (1, 1)
    again = start("two")
    assert again.keeper.words() == one.keeper.words()


def test_a_host_that_was_away_brings_nothing_back(start: Start, clock: ManualClock) -> None:
    one, two = start("one"), start("two")
    one.keeper.act("plex", "open")
    one.look()
    two.look()
    clock.advance(1)
    one.keeper.act("plex", "enable")  # two is away
    one.look()
    one.look()
    two = start("two")
    assert two.state == "forced_open"
    two.look()
    one.look()
    assert (one.state, two.state) == ("closed", "closed")


def test_of_two_words_that_were_said_at_the_same_time_one_counts_everywhere(start: Start) -> None:
    """Each host alone, with the same revision."""
    one, two = start("one"), start("two")
    one.keeper.act("plex", "open")
    two.keeper.act("plex", "disable")
    for host in (one, two, one, two):
        host.look()
    assert one.keeper.words() == two.keeper.words()
    assert one.state == two.state


def test_what_was_said_between_our_look_and_our_writing_is_not_written_over(
    start: Start, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = start("one"), start("two")
    one.keeper.act("plex", "open")
    two.keeper.act("plex", "open")
    two.keeper.act("plex", "disable")
    read = one.tier.read

    def read_and_be_slow() -> object:
        found = read()
        two.tier.write([Change("plex", b"", not_none(entry_of(two.keeper.words()[0])))])
        return found

    monkeypatch.setattr(one.tier, "read", read_and_be_slow)
    one.look()
    assert json.loads(place.entries["plex"])["action"] == "disable"
    assert one.state == "disabled"


def test_what_others_have_forestalled_is_said_at_the_same_look(
    start: Start, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a word waited a second where another host mended a damaged entry meanwhile."""
    one, two = start("one"), start("two")
    two.keeper.act("plex", "open")
    one.keeper.act("plex", "open")
    one.keeper.act("plex", "disable")
    old = not_none(entry_of(two.keeper.words()[0]))
    read = one.tier.read

    def read_and_be_slow() -> object:
        found = read()
        two.tier.write([Change("plex", b"", old)])
        return found

    monkeypatch.setattr(one.tier, "read", read_and_be_slow)
    one.look()
    assert json.loads(place.entries["plex"])["action"] == "disable"


def test_what_was_emptied_is_filled_again_of_the_files(start: Start, place: Place) -> None:
    one, two = start("one"), start("two")
    one.keeper.act("plex", "open")
    one.look()
    two.look()
    place.entries.clear()
    start("two").look()
    assert [*place.entries] == ["plex"]


GARBAGE = [
    b"",
    b"\xff\xfe",
    b"null",
    b"[" * 5_000,
    b"\x80\x04K\x01.",
    b'{"breaker": "plex"}',
    b"x" * (LARGEST + 1),
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_damaged_entry_costs_itself_and_is_put_right(
    start: Start, place: Place, garbage: bytes
) -> None:
    one, two = start("one"), start("two")
    one.keeper.act("plex", "open")
    one.keeper.act("overseerr", "disable")
    one.look()
    entry = place.entries["plex"]
    place.entries["plex"] = garbage
    two.look()
    assert (two.words(), two.exchange.damaged) == ([("overseerr", "disable")], 1)
    one.look()
    assert place.entries["plex"] == entry
    two.look()
    assert (two.state, two.exchange.damaged) == ("forced_open", 0)


@pytest.mark.parametrize(
    "members",
    [
        {"revision": 2**62 - 1},
        {"breaker": "other"},
        {"reason": "\ud800"},
        {"actor": "\udfff"},
        {"action": "explode"},
    ],
)
def test_what_nobody_could_ever_overrule_or_show_is_not_taken(
    start: Start, place: Place, clock: ManualClock, members: dict[str, object]
) -> None:
    """A revision of the far future would lock out every operator."""
    one = start("one")
    place.entries["plex"] = not_none(entry_of(word(clock, **members)))
    one.look()
    assert one.words() == []
    one.keeper.act("plex", "open")
    one.look()
    two = start("two")
    two.look()
    assert two.state == "forced_open"


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_an_instant_that_is_none_elsewhere_is_not_taken(
    start: Start, place: Place, clock: ManualClock, instant: str
) -> None:
    for member in ("at", "expires_at"):
        entry = {**word(clock).as_dict(), member: instant}
        place.entries["plex"] = json.dumps(entry).encode()
        one = start("one")
        one.look()
        assert one.words() == []


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "x" * 101, "two\nlines"])
def test_a_name_that_no_breaker_may_have_is_not_taken(
    start: Start, place: Place, clock: ManualClock, name: str
) -> None:
    place.entries[name] = json.dumps(word(clock, breaker=name).as_dict()).encode()
    one = start("one")
    one.look()
    assert one.words() == []


def test_names_that_are_made_up_without_end_fill_no_disk(
    start: Start, place: Place, clock: ManualClock
) -> None:
    one = start("one")
    one.keeper.act("plex", "open")
    for turn in range(2):
        names = [f"{turn}-{number}" for number in range(MOST)]
        place.entries = {name: not_none(entry_of(word(clock, breaker=name))) for name in names}
        one.look()
    assert len(one.words()) == MOST
    two = start("two")
    two.look()
    clock.advance(1)
    one.keeper.act("plex", "enable")
    place.entries.clear()
    one.look()
    two.look()
    assert ("plex", "enable") in two.words()


def test_too_large_a_word_stays_at_home(start: Start, place: Place) -> None:
    one = start("one")
    one.keeper.act("plex", "open", reason="x" * LARGEST)
    one.keeper.act("x" * 101, "open")
    one.look()
    assert place.entries == {}


def test_what_ended_a_month_ago_is_removed(start: Start, place: Place, clock: ManualClock) -> None:
    one = start("one")
    one.keeper.act("plex", "open", expires_in=1)
    one.look()
    clock.advance(31 * 86_400)
    one.look()
    assert place.entries == {}
    assert one.words() == []


def test_an_old_close_leaves_what_opened_by_itself(
    start: Start, clock: ManualClock, place: Place
) -> None:
    """Said before this host began."""
    long_ago = clock.utc() - timedelta(days=1)
    revision = int(long_ago.timestamp() * 1000)
    old = word(clock, action="close", at=long_ago, revision=revision)
    place.entries["plex"] = not_none(entry_of(old))
    one = start("one")
    for _ in range(5):
        one.plex.acquire().failure(ConnectionError())
    one.look()
    assert (one.state, one.words()) == ("open", [("plex", "close")])


def test_nothing_is_written_and_nobody_woken_while_all_know_all(start: Start) -> None:
    one, two = start("one"), start("two")
    one.keeper.act("plex", "open")
    one.look()
    two.look()
    for host in (one, two):
        host.tier.calls.clear()
        host.look()
        assert host.tier.calls == ["read"]
