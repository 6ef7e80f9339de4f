"""Whose turn it is to probe."""

from __future__ import annotations

import pytest

from medianest.cluster.leases import Leases, Turn
from medianest.resilience import Deadline, ManualClock
from tests.cluster.memory import MemoryTier, Place

MANY = [f"service-{number}" for number in range(1000)]


class Host:
    def __init__(self, name: str, place: Place) -> None:
        self.tier = MemoryTier(place)
        self.leases = Leases(self.tier, lambda: name, Deadline(1.0, clock=place.clock))


@pytest.fixture
def hosts(clock: ManualClock, place: Place) -> list[Host]:
    place.clock = clock
    return [Host(name, place) for name in "ab"]


def turn(due: float, probes: int = 0, *, wants: bool = False, is_wanted: bool = False) -> Turn:
    return Turn(due, probes, wants, is_wanted)


def test_however_many_are_open_they_are_asked_for_at_once(
    clock: ManualClock, hosts: list[Host]
) -> None:
    """Keeps out: an answer to be waited for by each breaker, which took longer than a lease."""
    one, two = hosts
    now = clock.now()
    turns = {name: turn(now + 1.0) for name in MANY}
    assert set(one.leases.bars(turns, now).values()) == {0.0}
    assert set(two.leases.bars(turns, now).values()) == {now + 2.5}
    one.leases.bars({}, now)
    assert one.tier.calls == ["take leases", "give leases"]
    assert set(two.leases.bars(turns, now).values()) == {0.0}


def test_before_it_is_due_nobody_has_it(clock: ManualClock, hosts: list[Host]) -> None:
    now = clock.now()
    for host in hosts:
        assert host.leases.bars({"plex": turn(now + 1.6)}, now) == {"plex": 0.0}
        assert host.tier.calls == []


@pytest.mark.parametrize(
    ("after", "probes", "has_given"), [(0.9, 0, False), (1.0, 0, True), (9.0, 1, False)]
)
def test_who_has_no_calls_gives_it_to_who_has(
    clock: ManualClock, hosts: list[Host], after: float, probes: int, has_given: bool
) -> None:
    one, two = hosts
    one.leases.bars({"plex": turn(clock.now())}, clock.now())
    clock.advance(after)
    one.leases.bars({"plex": turn(clock.now(), probes, is_wanted=True)}, clock.now())
    assert one.leases.has_given() is has_given
    assert not one.leases.has_given()
    two.leases.bars({"plex": turn(clock.now(), wants=True)}, clock.now())
    assert two.leases.is_held("plex") is has_given
