"""How several processes come to one judgement of a dependency."""

import gc
from itertools import cycle
from typing import Any

from medianest.peers.messages import Failed, Standing
from medianest.peers.shared_breaker import SharedBreaker
from medianest.resilience import CircuitBreaker, State
from medianest.resilience.circuit_breaker.evidence import Evidence
from medianest.resilience.circuit_breaker.joint import Opening
from tests.peers.simulation import World
from tests.support.narrowing import not_none

PLEX: dict[str, Any] = {"failure_threshold": 3, "counting": "consecutive", "half_open_max_calls": 2}


def states(world: World) -> list[str]:
    return [node.state.value for node in world.nodes]


def round_robin(world: World, calls: int, pause: float = 0.01) -> list[str]:
    nodes = cycle(world.nodes)
    answers = []
    for _ in range(calls):
        answers.append(next(nodes).call())
        world.pass_by(pause, step=pause)
    return answers


def test_what_is_down_is_called_as_often_as_by_one_process() -> None:
    world = World(4, **PLEX)
    round_robin(world, 40)
    world.is_up = False
    before = len(world.reached)
    round_robin(world, 40)
    assert states(world) == ["open"] * 4
    assert len(world.reached) - before <= 3 + 2


def test_failures_that_others_do_not_see_open_one_alone() -> None:
    world = World(4, **PLEX)
    world.nodes[2].is_well = False
    round_robin(world, 80)
    assert states(world) == ["closed", "closed", "open", "closed"]


def test_one_failing_call_in_four_opens_nothing() -> None:
    world = World(4, **PLEX)
    for number in range(400):
        world.is_up = number % 4 != 0
        world.nodes[(number + number // 4) % 4].call()
        world.pass_by(0.003, step=0.003)
    assert states(world) == ["closed"] * 4


def test_probes_are_as_many_as_of_one_process_and_close_all() -> None:
    world = World(4, reset_timeout=5.0, **PLEX)
    world.is_up = False
    round_robin(world, 20)
    world.is_up = True
    before = len(world.reached)
    world.pass_by(5.0)
    probes = [node.breaker.acquire() for node in world.nodes[:2]]
    assert [node.call() for node in world.nodes] == ["refused"] * 4
    for probe in probes:
        probe.success()
    assert len(world.reached) == before
    world.settle()
    assert states(world) == ["closed"] * 4


def test_a_probe_that_fails_opens_all_anew_and_for_longer() -> None:
    world = World(4, reset_timeout=5.0, **PLEX)
    world.is_up = False
    round_robin(world, 20)
    world.pass_by(5.0)
    before = len(world.reached)
    answers = [node.call() for node in world.nodes]
    assert answers == ["failed", "failed", "refused", "refused"]
    world.settle()
    assert len(world.reached) - before == 2
    waits = {node.breaker.snapshot().retry_after for node in world.nodes}
    assert all(wait is not None and wait > 9 for wait in waits)
    assert {node.breaker.snapshot().openings_in_a_row for node in world.nodes} == {2}


def test_who_dies_with_a_probe_leaves_its_place() -> None:
    world = World(4, reset_timeout=5.0, half_open_timeout=1.0, **PLEX)
    world.is_up = False
    round_robin(world, 20)
    world.is_up = True
    world.pass_by(5.0)
    for node in world.nodes[:2]:
        node.breaker.acquire()
        node.die()
    for _ in range(3):
        for node in world.nodes[2:]:
            node.call()
        world.settle()
    assert [node.state for node in world.nodes[2:]] == [State.CLOSED] * 2


def test_a_newcomer_learns_how_it_stands() -> None:
    world = World(4, **PLEX)
    late = world.nodes.pop()
    world.is_up = False
    round_robin(world, 20)
    world.nodes.append(late)
    assert late.state is State.CLOSED
    world.pass_by(5.0)
    assert late.state is State.OPEN


def test_of_the_dead_nothing_stays_for_long() -> None:
    """Workers come and go for months."""
    world = World(2, monitoring_period=60.0, **PLEX)
    for number in range(100):
        said = Failed("plex", Evidence(failed_at=(world.now,)), asks=False)
        world.nodes[0].shared.hear(f"dead {number}", said, world.now)
        world.clock.advance(30.0)
    gc.collect()
    kept = [each for each in gc.get_objects() if isinstance(each, Evidence) and each.failed_at]
    assert len(kept) < 10


def test_of_what_is_closed_for_long_nobody_speaks() -> None:
    """Keeps out: each breaker that was ever open, told of by each process each second for ever."""
    sent: list[object] = []
    breaker = CircuitBreaker("plex")

    def send(message: object, to: str | None = None) -> bool:
        sent.append(message)
        return True

    shared = SharedBreaker(breaker, "b", list, send)
    shared.hear("a", Standing("plex", 2, "a", None), 0.0)
    for _ in range(100):
        shared.tell()
    assert len(sent) == 10
    shared.hear("c", Standing("plex", 1, "c", Opening(9.0, 1)), 0.0)  # who has missed it
    assert sent[10:] == [shared.standing]


def test_the_only_process_speaks_for_all_that_come_later() -> None:
    """Keeps out: a new worker in the place of the only one, which called what was known to be
    down."""
    world = World(1, **PLEX)
    world.is_up = False
    while world.nodes[0].call() != "refused":
        world.settle()
    only = world.nodes[0]
    assert not_none(only.shared.standing.opening) == only.breaker.joint.opening()
