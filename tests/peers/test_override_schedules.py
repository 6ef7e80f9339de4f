"""Schedules as in test_schedules, in which operators have their say, too."""

from __future__ import annotations

from typing import get_args

import pytest

from medianest.overrides.override import Action
from medianest.resilience import State
from tests.peers.overridden import Host
from tests.peers.test_schedules import SHARES, a_world, heal, numbers, run_on, spoil
from tests.support.narrowing import not_none

WORDS: tuple[Action, ...] = get_args(Action)
OF_OPERATORS = {State.FORCED_OPEN, State.DISABLED}


def say_something(host: Host) -> None:
    chance = host.world.chance
    expires_in = chance.choice([None, 0.4, 3.0, 30.0])
    action = chance.choice(WORDS)
    lasting = action in ("open", "disable")
    host.act(chance.choice(host.living()), action, expires_in if lasting else None)


def something_happens(host: Host) -> None:
    """To processes, and to what is kept. Of its two copies one is lost at most, and it is written
    again before the next."""
    chance, file, store = host.world.chance, host.file, host.store
    file.is_full = chance.random() < 0.2
    store.is_away = chance.random() < 0.3
    if chance.random() < 0.3:
        born = host.restart(chance.choice(host.living()))
        wanted = [each for each in file.read() if each.is_active(host.world.clock.utc())]
        assert (born.state in OF_OPERATORS) >= bool(wanted)
    if chance.random() < 0.2:
        store.is_away = False
        host.settle()  # what was said a while before: everybody has looked at both
        chance.choice([file.remove, store.remove])()
        file.is_full = False
        host.living()[0].keeper.follow()


@pytest.mark.parametrize("share", range(SHARES))
def test_an_override_is_never_lost_and_wins_everywhere(share: int) -> None:
    """Also over what the processes judge by themselves, and an expired one ends everywhere."""
    for number in numbers(share):
        world = a_world(number)
        host = Host(world)
        for _ in range(5):
            spoil(world)
            world.is_up = world.chance.random() < 0.5
            say_something(host)
            run_on(world, 2)
            something_happens(host)
            host.pass_by(world.chance.choice([0.25, 1.0, 2.0]))
        heal(world)
        host.file.is_full = host.store.is_away = False
        host.settle()
        (last,) = host.file.read()
        assert last.at >= not_none(host.surely_kept()), number
        wanted = last.is_active(world.clock.utc())
        of_operators = {
            each.state if each.state in OF_OPERATORS else None for each in host.living()
        }
        state = State.FORCED_OPEN if last.action == "open" else State.DISABLED
        assert of_operators == {state if wanted else None}, number
        world.clock.advance(31.0)
        for each in host.living():
            each.keeper.follow()
        if last.expires_at is not None:
            assert not OF_OPERATORS & {each.state for each in host.living()}, number
