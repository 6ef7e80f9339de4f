"""Thousands of schedules: processes that call, hang, die and start, a network that loses, doubles,
delays and parts, a dependency that comes and goes. Each is made of its number alone.

MEDIANEST_SCHEDULES=100000 runs as many.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pytest

from medianest.resilience import CircuitOpenError, Permit, State
from tests.peers.simulation import Node, World

SCHEDULES = int(os.environ.get("MEDIANEST_SCHEDULES", "300"))
SHARES = 4


def numbers(share: int) -> range:
    return range(share, SCHEDULES, SHARES)


def a_world(number: int, *, least: int = 1) -> World:
    chance = World(0, number).chance
    options: dict[str, Any] = {
        "failure_threshold": chance.randint(2, 4),
        "counting": chance.choice(["consecutive", "window"]),
        "half_open_max_calls": chance.randint(1, 3),
        "half_open_timeout": 2.0,
        "reset_timeout": 1.0,
        "max_reset_timeout": 4.0,
        "monitoring_period": 10.0,
        "slow_call_duration_threshold": chance.choice([None, 0.5]),
    }
    return World(chance.randint(least, 5), number, **options)


def spoil(world: World) -> None:
    """A network as bad as it may be."""
    chance = world.chance
    world.loss = chance.choice([0.0, 0.1, 0.5])
    world.doubling = chance.choice([0.0, 0.3])
    world.delay = chance.choice([0.0001, 0.01, 0.3])


def run_on(world: World, steps: int) -> None:
    """Calls of any process, at any time."""
    for _ in range(steps):
        node = world.chance.choice(world.nodes)
        if node.is_alive:
            node.call()
        pause = world.chance.choice([0.001, 0.02, 0.3])
        world.pass_by(pause, step=max(0.02, pause / 2))


def heal(world: World) -> None:
    world.loss = world.doubling = 0.0
    world.delay, world.is_up, world.hangs = 0.0001, True, False
    world.cut.clear()
    for node in world.nodes:
        node.is_well, node.hangs = True, False


def living(world: World) -> list[Node]:
    return [node for node in world.nodes if node.is_alive]


@pytest.mark.parametrize("share", range(SHARES))
def test_one_bad_process_opens_no_other(share: int) -> None:
    for number in numbers(share):
        world = a_world(number, least=2)
        spoil(world)
        bad = world.nodes[0]
        for _ in range(8):
            bad.is_well = world.chance.random() < 0.3
            bad.hangs = world.chance.random() < 0.3
            run_on(world, 5)
            good = {node.state for node in world.nodes[1:]}
            assert good == {State.CLOSED}, number


@pytest.mark.parametrize("share", range(SHARES))
def test_when_all_is_well_again_everyone_closes(share: int) -> None:
    for number in numbers(share):
        world = a_world(number)
        for _ in range(6):
            spoil(world)
            world.is_up = world.chance.random() < 0.4
            world.hangs = world.chance.random() < 0.3
            for node in world.nodes:
                node.is_well = world.chance.random() < 0.8
                node.hangs = world.chance.random() < 0.1
            if len(living(world)) > 1 and world.chance.random() < 0.2:
                world.chance.choice(living(world)).die()
            if len(world.nodes) > 2 and world.chance.random() < 0.3:
                one, two = world.chance.sample(world.nodes, 2)
                world.cut.add(frozenset((one.name, two.name)))
            run_on(world, 6)
        heal(world)
        for _ in range(60):
            for node in living(world):
                node.call()
            world.pass_by(0.25, step=0.05)
        assert {node.state for node in living(world)} == {State.CLOSED}, number


@dataclass
class Probe:
    """One that hangs for as long as it likes, or dies with its process."""

    node: Node
    permit: Permit
    generation: int
    began: float

    @classmethod
    def of(cls, node: Node, now: float) -> Probe | None:
        """One more of a process; None: it may make none."""
        try:
            permit = node.breaker.acquire()
        except CircuitOpenError:
            return None
        seen = node.breaker.snapshot()
        if seen.state is not State.HALF_OPEN:
            permit.release()
            return None
        return cls(node, permit, seen.generation, now)

    @property
    def is_out(self) -> bool:
        return self.node.is_alive and self.generation == self.node.breaker.snapshot().generation

    def end(self, *, is_good: bool) -> None:
        if is_good:
            self.permit.success()
        else:
            self.permit.failure(ConnectionError())


def open_for_all(number: int) -> World:
    """One whose dependency is down; the calls of all together have shown it."""
    world = a_world(number)
    world.is_up = False
    while not all(node.shared.standing.opening for node in world.nodes):
        for node in world.nodes:
            node.call()
            world.settle()
    return world


@pytest.mark.parametrize("share", range(SHARES))
def test_probes_are_never_more_than_those_of_one_process(share: int) -> None:
    """While the network is well."""
    for number in numbers(share):
        world = open_for_all(number)
        most = world.nodes[0].breaker.options.half_open_max_calls
        probes: list[Probe] = []
        while all(node.state is not State.CLOSED for node in living(world)):
            one = Probe.of(world.chance.choice(living(world)), world.now)
            probes = [each for each in (*probes, one) if each is not None and each.is_out]
            assert len(probes) <= most, number
            if probes and world.chance.random() < 0.3:
                probes.pop().end(is_good=world.chance.random() < 0.6)
            if len(living(world)) > 1 and world.chance.random() < 0.05:
                world.chance.choice(living(world)).die()
            world.pass_by(world.chance.choice([0.01, 0.3, 1.0]))


@pytest.mark.parametrize("share", range(SHARES))
def test_what_hangs_is_noticed_by_all_as_soon_as_by_one(share: int) -> None:
    """While the network is well: none waits for calls of its own to be given up."""
    for number in numbers(share):
        world, alone = a_world(number), a_world(number)
        del alone.nodes[1:]
        took = []
        for each in (alone, world):
            each.hangs, began, turns = True, each.now, cycle(each.nodes)
            while not all(node.state is State.OPEN for node in each.nodes):
                next(turns).call()
                each.pass_by(0.05)
            took.append(each.now - began)
        assert took[1] <= 1.25 * took[0] + 0.1, number
