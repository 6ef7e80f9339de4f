"""Several hosts of several processes, on a clock that moves only when told; what they have in
common may be cut off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from medianest.cluster.openings import Openings
from medianest.cluster.tier import TierError
from medianest.peers.elsewhere import OpenHere
from medianest.peers.messages import Elsewhere
from medianest.resilience import Deadline, Registry
from medianest.resilience.circuit_breaker.joint import Opening
from tests.cluster.memory import MemoryTier, Place
from tests.peers.simulation import Node, World

__all__ = ["PLEX", "Hosts", "Make", "trip"]

PLEX: dict[str, Any] = {
    "failure_threshold": 3,
    "counting": "consecutive",
    "half_open_max_calls": 2,
    "half_open_timeout": 4.0,
    "reset_timeout": 10.0,
    "jitter": 0.0,
}


class Side:
    """What the elected process of one host has: the breakers of the host, as HostBreakers has them,
    and its connection."""

    def __init__(self, world: World, host: int, place: Place) -> None:
        self.world, self.host = world, host
        self.tier = MemoryTier(place)
        self.is_cut = False
        self._elected: Node | None = None
        self._looked = -1.0
        self._seen: object = None

    def on_news(self, act: object) -> None:
        """The world looks by itself."""

    @property
    def elected(self) -> Node | None:
        return next((each for each in self.world.of(self.host) if each.is_alive), None)

    def open_now(self) -> dict[str, OpenHere]:
        node = self.elected
        if node is None or node.shared.standing.opening is None:
            return {}
        held = self.world.places[self.host].held
        rounds = node.shared.rounds(self.world.now)
        probes = sum(len(held.get(each, ())) for each in rounds)
        return {"plex": OpenHere(node.shared.standing.opening, probes, node.shared.hosts.wanted_at)}

    def tell(self, said: Elsewhere) -> None:
        for node in self.world.of(self.host):
            self._do(node, lambda node: node.shared.hear("", said, self.world.now))

    def probe_now(self, name: str) -> None:
        self._do(self.elected, lambda node: node.shared.probe_now(self.world.now))

    def restore(self, name: str, opening: Opening) -> None:
        self._do(self.elected, lambda node: node.shared.restore(opening, self.world.now))

    def _do(self, node: Node | None, act: Any) -> None:
        if node is not None:
            self.world.later(node, lambda: act(node))

    def turn(self) -> None:
        """Look if it is time, if something has happened here, or if others have woken this host."""
        node = self.elected
        if node is None or self.is_cut:
            return
        if node is not self._elected:
            self._elected, self.openings = node, self._begin(node)
        with suppress(TierError):
            is_woken, seen = self.tier.is_woken(), self.open_now()
            if is_woken or seen != self._seen or self.world.now - self._looked >= 1.0:
                self._looked, self._seen = self.world.now, seen
                self.openings.look()

    def _begin(self, node: Node) -> Openings:
        registry = Registry(clock=self.world.clock)
        registry.add_breaker(node.breaker)
        within = Deadline(1.0, name="cluster", clock=self.world.clock)
        return Openings(self.tier, self, registry, lambda: f"host-{self.host}", within)


class Hosts(World):
    """So many processes of each of so many hosts."""

    def __init__(self, number: int, seed: int = 0, hosts: int = 2, **options: Any) -> None:
        super().__init__(number, seed, hosts, **options)
        self.place = Place(self.clock)
        self.sides = [Side(self, host, self.place) for host in range(hosts)]

    def pass_by(self, seconds: float, step: float = 0.05) -> None:
        """Let time pass; what has happened on one host reaches the others in between."""
        end = self.now + seconds
        while self.now < end:
            super().pass_by(min(step, end - self.now), step)
            for side in self.sides:
                side.turn()
        self._run(self.now)

    def restart(self, host: int) -> None:
        """All processes of a host end, and as many begin."""
        living = [each for each in self.of(host) if each.is_alive]
        for node in living:
            node.die()
        for _ in living:
            self.start(host)

    def states(self, host: int) -> set[str]:
        """Of those that live."""
        return {each.state.value for each in self.of(host) if each.is_alive}

    def end(self) -> None:
        """Be rid of it."""
        for side in self.sides:
            side.tier.end()


Make = Callable[..., Hosts]


def trip(world: Hosts, host: int) -> None:
    """Calls fail there, until all its processes are open."""
    for _ in range(3):
        for node in world.of(host):
            node.call()
            world.settle()
    world.pass_by(0.2)
    assert world.states(host) == {"open"}
