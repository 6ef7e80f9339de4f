"""Hosts whose processes call, hang and die, which are cut off from each other and restarted, and a
dependency that comes and goes. Each schedule is made of its number alone.

MEDIANEST_SCHEDULES=100000 runs as many.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from medianest.resilience import State
from tests.cluster.hosts import Hosts
from tests.peers.test_schedules import Probe, living, run_on, spoil

SCHEDULES = int(os.environ.get("MEDIANEST_SCHEDULES", "120"))
SHARES = 3


def worlds(share: int, least: int = 2) -> Iterator[tuple[int, Hosts]]:
    for number in range(share, SCHEDULES, SHARES):
        chance = random.Random(number)
        options: dict[str, Any] = {
            "failure_threshold": chance.randint(2, 4),
            "counting": chance.choice(["consecutive", "window"]),
            "half_open_max_calls": chance.randint(1, 3),
            "half_open_timeout": 2.0,
            "reset_timeout": chance.choice([0.5, 3.0]),
            "max_reset_timeout": 6.0,
            "monitoring_period": 10.0,
            "slow_call_duration_threshold": chance.choice([None, 0.5]),
        }
        world = Hosts(chance.randint(1, 2), number, chance.randint(least, 3), **options)
        try:
            yield number, world
        finally:
            world.end()


@pytest.mark.parametrize("share", range(SHARES))
def test_one_bad_host_opens_no_other(share: int) -> None:
    for number, world in worlds(share):
        spoil(world)
        for _ in range(6):
            for bad in world.of(0):
                bad.is_well = world.chance.random() < 0.3
                bad.hangs = world.chance.random() < 0.3
            run_on(world, 5)
            for host in range(1, len(world.sides)):
                assert world.states(host) == {"closed"}, number


@pytest.mark.parametrize("share", range(SHARES))
def test_when_all_is_well_again_everyone_closes(share: int) -> None:
    for number, world in worlds(share):
        for _ in range(5):
            spoil(world)
            world.is_up = world.chance.random() < 0.4
            world.hangs = world.chance.random() < 0.2
            world.place.is_away = world.chance.random() < 0.2
            for node in world.nodes:
                node.is_well = world.chance.random() < 0.8
            for side in world.sides:
                side.is_cut = world.chance.random() < 0.2
            if world.chance.random() < 0.3:
                world.restart(world.chance.randrange(len(world.sides)))
            if world.chance.random() < 0.1:
                world.place.reports.clear()
                world.place.leases.clear()
            run_on(world, 5)
        heal(world)
        for _ in range(80):
            for node in living(world):
                node.call()
            world.pass_by(0.25, step=0.05)
        assert {node.state for node in living(world)} == {State.CLOSED}, number


def heal(world: Hosts) -> None:
    world.loss = world.doubling = 0.0
    world.delay, world.is_up, world.hangs, world.place.is_away = 0.0001, True, False, False
    for node in world.nodes:
        node.is_well, node.hangs = True, False
    for side in world.sides:
        side.is_cut = False


@pytest.mark.parametrize("share", range(SHARES))
def test_probes_are_never_more_than_those_of_one_process(share: int) -> None:
    """Of all hosts together, while they hear of each other."""
    for number, world in worlds(share):
        world.is_up = False
        while not all(node.shared.standing.opening for node in world.nodes):
            for node in world.nodes:
                node.call()
            world.pass_by(0.05)
        most = world.nodes[0].breaker.options.half_open_max_calls
        probes: list[Probe] = []
        turns = 0
        while all(node.state is not State.CLOSED for node in living(world)) and turns < 200:
            turns += 1
            one = Probe.of(world.chance.choice(living(world)), world.now)
            probes = [each for each in (*probes, one) if each is not None and each.is_out]
            assert len(probes) <= most, number
            if probes and world.chance.random() < 0.3:
                probes.pop().end(is_good=world.chance.random() < 0.6)
            world.pass_by(world.chance.choice([0.05, 0.3, 1.0]))
