"""A breaker that is open on one host, and what the others make of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from medianest.cluster.reports import OpenThere, Report, entry_of
from medianest.cluster.tier import TierError
from medianest.peers.messages import Standing
from medianest.resilience import State
from tests.cluster.hosts import Hosts, Make, trip
from tests.peers.simulation import Node


def reached(world: Hosts, calls: Callable[[], object]) -> list[str]:
    """By whom the dependency was called meanwhile."""
    before = len(world.reached)
    calls()
    return [name for _, name in world.reached[before:]]


@pytest.mark.parametrize("counting", ["consecutive", "window"])
def test_where_one_host_has_opened_the_other_needs_one_failure(make: Make, counting: str) -> None:
    world = make(counting=counting, minimum_number_of_calls=3, monitoring_period=5.0)
    for _ in range(3):
        assert [node.call() for node in world.nodes] == ["good"] * 4
    world.pass_by(6.0)
    world.is_up = False
    trip(world, 0)
    assert world.states(1) == {"closed"}
    assert world.of(1)[1].call() == "failed"
    world.settle()
    assert world.states(1) == {"open"}
    reason = world.of(1)[0].breaker.snapshot().reason
    assert reason == "calls fail here, too: it is open on another host"


def test_what_is_well_here_stays_closed_whatever_others_say(make: Make) -> None:
    world = make()
    for node in world.of(0):
        node.is_well = False
    trip(world, 0)
    for _ in range(30):
        assert [node.call() for node in world.of(1)] == ["good", "good"]
        world.pass_by(0.3)
    assert world.states(1) == {"closed"}


def test_one_failure_among_successes_is_none_of_all(make: Make) -> None:
    """In one process of a host that is well; it alone hears of the others' trouble."""
    world = make()
    for node in world.of(0):
        node.is_well = False
    trip(world, 0)
    one, two = world.of(1)
    one.is_well = False
    one.call()
    two.call()
    one.call()
    world.pass_by(1.0)
    assert world.states(1) == {"closed"}


def test_only_one_host_probes_and_its_success_is_the_others(make: Make) -> None:
    world = make()
    world.is_up = False
    trip(world, 0)
    trip(world, 1)
    world.pass_by(9.0)
    world.is_up = True
    world.pass_by(2.0)
    probes = [(node, node.breaker.acquire()) for node in world.of(0)]
    for _ in range(10):
        assert [node.call() for node in world.of(1)] == ["refused", "refused"]
        world.pass_by(0.1)
    for _, permit in probes:
        permit.success()
    world.pass_by(0.2)
    assert world.states(0) == {"closed"}
    assert [node.call() for node in world.of(1)] == ["good", "good"]
    world.pass_by(0.1)
    assert world.states(1) == {"closed"}


def test_who_has_calls_gets_the_turn_of_one_that_has_none(make: Make) -> None:
    """Keeps out: a host in which nobody calls, and which lets no other probe."""
    world = make()
    world.is_up = False
    trip(world, 0)
    trip(world, 1)
    world.is_up = True
    world.pass_by(12.0)
    holder = world.place.leases["plex"][0]
    silent = 1 if holder == "host-0" else 0
    waited = 0.0
    while world.states(silent) != {"closed"}:
        world.of(silent)[0].call()
        world.pass_by(0.05)
        waited += 0.05
        assert waited < 1.5


def test_of_many_hosts_the_turn_goes_to_one_that_has_calls(make: Make) -> None:
    """Keeps out: hosts without calls that gave their turn to each other."""
    world = make(hosts=5)
    world.is_up = False
    for host in range(5):
        trip(world, host)
    world.is_up = True
    world.pass_by(12.0)
    caller = 4 if world.place.leases["plex"][0] != "host-4" else 3
    waited = 0.0
    while world.states(caller) != {"closed"}:
        world.of(caller)[0].call()
        world.pass_by(0.05)
        waited += 0.05
        assert waited < 1.5


def test_back_on_one_host_the_others_need_not_wait_longer(make: Make) -> None:
    """Each has its own trouble: only who has probed believes that it is over."""
    world = make(backoff_factor=10.0, max_reset_timeout=100.0)
    world.is_up = False
    trip(world, 1)
    world.pass_by(11.0)
    assert world.of(1)[0].call() == "failed"  # open for a hundred seconds now
    trip(world, 0)
    world.pass_by(10.0)
    world.is_up = True
    while world.states(0) != {"closed"}:
        world.of(0)[0].call()
        world.pass_by(0.05)
    world.pass_by(0.2)
    assert [node.call() for node in world.of(1)] == ["good", "good"]


def test_what_has_come_back_is_heeded_though_the_place_was_lost(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a host that waited on, as no lease could be taken when it heard of it."""
    world = make()
    world.is_up = False
    trip(world, 0)
    trip(world, 1)
    world.is_up = True
    with monkeypatch.context() as lost:
        lost.setattr(world.sides[1].tier, "take_leases", _refuse)
        for node in world.of(0):
            node.breaker.reset()
        world.pass_by(0.2)
        assert [node.call() for node in world.of(1)] == ["refused", "refused"]
    world.pass_by(1.5)
    assert [node.call() for node in world.of(1)] == ["good", "good"]


def _refuse(*_: object) -> None:
    raise TierError("it is away")


def test_a_host_that_has_joined_anew_does_not_say_that_all_is_well(make: Make) -> None:
    """Keeps out: what was open and is not shared any more, as its folder was removed or the breaker
    itself, was told to have come back, so that the other hosts probed at once."""
    world = make()
    world.is_up = False
    trip(world, 0)
    trip(world, 1)
    for node in world.of(0):
        node.shared.standing = Standing("plex")
    world.pass_by(2.0)
    assert world.states(0) == {"open"}
    assert [node.call() for node in world.of(1)] == ["refused", "refused"]


def test_a_host_that_says_nothing_more_is_no_witness(make: Make) -> None:
    world = make()
    world.is_up = False
    trip(world, 0)
    for node in world.of(0):
        node.die()
    world.pass_by(6.0)
    world.of(1)[0].call()
    world.pass_by(1.0)
    assert world.states(1) == {"closed"}


def test_without_what_they_have_in_common_each_is_alone(make: Make) -> None:
    world = make()
    world.is_up = False
    trip(world, 0)
    trip(world, 1)
    world.place.is_away = True
    world.is_up = True
    world.pass_by(14.0)
    for host in (0, 1):
        assert [node.call() for node in world.of(host)] == ["good", "good"]
        world.settle()
        assert world.states(host) == {"closed"}


def test_a_host_that_has_vanished_bars_nobody_for_long(make: Make) -> None:
    world = make()
    world.is_up = False
    trip(world, 0)
    trip(world, 1)
    world.is_up = True
    world.pass_by(9.5)
    for node in world.of(0):
        node.die()
    waited = 0.0
    while world.states(1) != {"closed"}:
        world.of(1)[0].call()
        world.pass_by(0.1)
        waited += 0.1
        assert waited < 9


def test_garbage_in_place_of_reports_harms_nobody(make: Make) -> None:
    world = make()
    world.place.reports = {
        "one": (world.now, b"garbage"),
        "two": (world.now, entry_of(Report({"no such breaker": OpenThere(0.0, 9.0, 1)})) or b""),
        "host-0": (world.now, entry_of(Report({"plex": OpenThere(1e9, 1e9, 9)})) or b""),
    }
    world.pass_by(3.0)
    assert [side.openings.elsewhere for side in world.sides] == [0, 0]
    assert [node.call() for node in world.nodes] == ["good"] * 4
    assert all(node.state is State.CLOSED for node in world.nodes)
    assert isinstance(world.nodes[0], Node)
