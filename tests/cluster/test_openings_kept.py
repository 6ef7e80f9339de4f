"""A breaker that is open when all processes of its host are started anew."""

import pytest

from tests.cluster.hosts import Hosts, Make, trip


def test_who_starts_anew_knows_what_it_has_found(make: Make) -> None:
    world = make()
    world.is_up = False
    trip(world, 0)
    trip(world, 1)
    before = len(world.reached)
    for host in (0, 1):
        world.restart(host)
        world.pass_by(0.5)
        assert world.states(host) == {"open"}
        assert world.of(host)[-1].call() == "refused"
    world.pass_by(11.0)
    assert len(world.reached) == before
    world.is_up = True
    for _ in range(40):
        for node in world.nodes:
            if node.is_alive:
                node.call()
        world.pass_by(0.1)
    assert world.states(0) | world.states(1) == {"closed"}


def test_what_was_due_while_nobody_was_there_is_probed_first(make: Make) -> None:
    """Keeps out: a restart that takes longer than the wait, and all begins anew."""
    world = make()
    world.is_up = False
    trip(world, 0)
    begin_anew(world, 12.0)
    one, two = world.of(0)[-2:]
    assert one.call() == "failed"
    world.settle()
    assert two.call() == "refused"
    opening = two.shared.standing.opening
    assert opening is not None
    assert opening.openings == 2


def test_what_was_due_long_ago_is_forgotten(make: Make) -> None:
    world = make()
    world.is_up = False
    trip(world, 0)
    begin_anew(world, 600.0)
    assert [node.call() for node in world.of(0)[-2:]] == ["failed"] * 2


def test_what_is_heard_late_opens_nothing_that_works(make: Make) -> None:
    world = make()
    world.is_up = False
    trip(world, 0)
    world.is_up = world.place.is_away = True
    begin_anew(world, 1.0)
    assert [node.call() for node in world.of(0)[-2:]] == ["good"] * 2
    world.place.is_away = False
    world.pass_by(2.0)
    assert world.states(0) == {"closed"}


def begin_anew(world: Hosts, seconds: float) -> None:
    """All processes of the first host end, and so much later as many begin."""
    for node in world.of(0):
        node.die()
    world.pass_by(seconds, 0.5)
    for _ in range(2):
        world.start(0)
    world.pass_by(0.5)


def test_who_leaves_its_host_takes_back_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a last look at the end, when nothing is open any more, and all was forgotten."""
    world = make()
    world.is_up = False
    trip(world, 0)
    assert "host-0" in world.place.reports
    monkeypatch.setattr(world.sides[0], "open_now", lambda: None)
    world.pass_by(3.0)
    assert "host-0" in world.place.reports
