"""Places for probes: as many as there are, of all processes together."""

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.peers.places import Places

ROUND, NEXT = ("1.a.0",), ("1.a.1", "1.a.0")


@pytest.fixture
def places(tmp_path: Path) -> Iterator[list[Places]]:
    """Those of two processes: locks are of an open file."""
    made = [Places(tmp_path / "places") for _ in range(2)]
    yield made
    for each in made:
        each.close()


def test_there_are_so_many_of_all_together(places: list[Places]) -> None:
    one, two = places
    assert [one.take(ROUND, 3), two.take(ROUND, 3), one.take(ROUND, 3)] == [True] * 3
    assert [one.take(ROUND, 3), two.take(ROUND, 3)] == [False] * 2


def test_one_that_is_given_back_is_there_for_all(places: list[Places]) -> None:
    one, two = places
    one.take(ROUND, 1)
    one.give(ROUND)
    assert two.take(ROUND, 1)
    assert not one.take(ROUND, 1)


def test_those_of_the_dead_are_free_at_once(places: list[Places]) -> None:
    one, two = places
    one.take(ROUND, 1)
    one.close()
    assert two.take(ROUND, 1)


def test_what_may_still_be_out_counts(places: list[Places]) -> None:
    one, two = places
    one.take(ROUND, 2)
    assert two.take(NEXT, 2)
    assert not two.take(NEXT, 2)
    assert two.take(("1.a.2", "1.a.1"), 2)


def test_those_of_rounds_that_are_over_are_given_back(places: list[Places]) -> None:
    one, two = places
    one.take(ROUND, 1)
    one.keep({"2.b.0"})
    assert two.take(ROUND, 1)


def test_who_has_left_is_on_its_own(places: list[Places]) -> None:
    one, two = places
    two.take(ROUND, 1)
    one.close()
    assert one.take(ROUND, 1)
    one.give(ROUND)


def test_who_leaves_while_a_call_asks_does_not_break_the_call(
    places: list[Places], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, system = places[0], fcntl.fcntl

    def closing(*asked: Any) -> Any:
        one.close()
        return system(*asked)

    monkeypatch.setattr(fcntl, "fcntl", closing)
    assert one.take(ROUND, 1)
    one.give(ROUND)


def test_two_processes_may_start_at_the_same_instant(places: list[Places], tmp_path: Path) -> None:
    """Keeps out: the one that was later judged alone."""
    one, _ = places
    assert one.take(("a try",), 1)  # as one does that is in the middle of its start
    Places(tmp_path / "places").close()


def test_there_are_so_many_of_a_bulkhead_for_all(places: list[Places]) -> None:
    one, two = places
    assert [one.take_one("plex", 2), two.take_one("plex", 2)] == [True] * 2
    assert [one.take_one("plex", 2), two.take_one("plex", 2)] == [False] * 2
    assert [each.taken_elsewhere("plex", 2) for each in places] == [1, 1]


def test_all_of_a_bulkhead_can_be_given_back(places: list[Places]) -> None:
    one, two = places
    one.take_one("plex", 2), one.take_one("plex", 2), one.take_one("other", 1)
    one.give_all("plex")
    one.give_all("plex")
    assert two.taken_elsewhere("plex", 2) == 0
    assert not two.take_one("other", 1)


def test_who_has_left_has_the_places_of_a_bulkhead_for_itself(places: list[Places]) -> None:
    one, two = places
    two.take_one("plex", 1)
    one.close()
    assert one.take_one("plex", 1)
    assert one.taken_elsewhere("plex", 1) == 0
