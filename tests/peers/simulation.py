"""Several processes with one breaker each, on a clock that moves only when told, and a network that
loses, doubles and delays what they tell each other."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from medianest.peers.messages import OfBreakers
from medianest.peers.shared_breaker import SharedBreaker
from medianest.resilience import CircuitBreaker, CircuitOpenError, ManualClock, State
from medianest.resilience.events import StateChanged, state_changed

__all__ = ["Node", "Places", "World"]

CLOSINGS = frozenset({"probes_passed", "close", "reset", "enable", "expired"})


class Places:
    """The probes that may be made on a host, by the round: free again when their holder dies."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held: dict[str, list[str]] = {}

    def take(self, rounds: tuple[str, ...], who: str) -> bool:
        """One of the first round, if not too many are taken of all."""
        if sum(len(self.held.get(each, ())) for each in rounds) >= self._most:
            return False
        self.held.setdefault(rounds[0], []).append(who)
        return True

    def give(self, rounds: tuple[str, ...], who: str) -> None:
        """One that was taken."""
        with suppress(ValueError):
            self.held.setdefault(rounds[0], []).remove(who)

    def free(self, who: str) -> None:
        """All of a process that has died."""
        for holders in self.held.values():
            holders[:] = [each for each in holders if each != who]


class Node:
    """One process. `is_well` is whether it can reach the dependency; `hangs`, whether it waits for
    answers in vain."""

    def __init__(self, name: str, world: World, options: dict[str, Any], host: int = 0) -> None:
        self.name, self.host, self._world = name, host, world
        self.is_well = self.is_alive = True
        self.hangs = False
        self.calls = 0
        self.breaker = CircuitBreaker("plex", clock=world.clock, random=lambda: 0.5, **options)
        self.shared = SharedBreaker(self.breaker, name, self._others, self._send)
        self._rounds: tuple[str, ...] = ()
        self.breaker.joint.join(self)
        state_changed.connect(self._on_change)

    # What the breaker tells, in the threads of calls: the listening thread hears of it later.

    def failed(self) -> None:
        self._world.later(self, lambda: self.shared.failed(self._world.now))

    def passed(self) -> None:
        self._world.later(self, self.shared.passed)

    def take_place(self) -> bool:
        now = self._world.now
        self._rounds = self.shared.rounds(now)
        if self._rounds and self.shared.hosts.is_barred(now):
            self._world.later(self, lambda: self.shared.wanted(self._world.now))
            return False
        return not self._rounds or self._places.take(self._rounds, self.name)

    def give_place(self) -> None:
        if self._rounds:
            self._places.give(self._rounds, self.name)

    @property
    def _places(self) -> Places:
        return self._world.places[self.host]

    def _on_change(self, event: StateChanged) -> None:
        if not self.breaker.is_origin_of(event):
            return
        if event.after == State.OPEN:
            self._world.later(self, lambda: self.shared.opened(self._world.now))
        elif event.trigger in CLOSINGS:
            self._world.later(self, self.shared.closed)

    def _others(self) -> list[str]:
        return [
            each.name for each in self._world.of(self.host) if each.is_alive and each is not self
        ]

    def _send(self, message: OfBreakers, to: str | None = None) -> bool:
        for each in self._world.of(self.host):
            if each is not self and to in (None, each.name):
                self._world.deliver(self, each, message)
        return True

    def call(self) -> str:
        """One call to the dependency: how it went."""
        if self.hangs or self._world.hangs:
            return self._wait_in_vain()
        try:
            self.breaker.call(self._reach)
        except CircuitOpenError:
            return "refused"
        except ConnectionError:
            return "failed"
        return "good"

    def _wait_in_vain(self) -> str:
        """It is given up later; other calls begin meanwhile."""
        try:
            permit = self.breaker.acquire()
        except CircuitOpenError:
            return "refused"
        self._count()
        self._world.later(self, lambda: permit.failure(TimeoutError()), self._world.patience)
        return "hangs"

    def _count(self) -> None:
        self.calls += 1
        self._world.reached.append((self._world.now, self.name))

    def _reach(self) -> None:
        self._count()
        if not (self.is_well and self._world.is_up):
            raise ConnectionError

    def die(self) -> None:
        """SIGKILL."""
        self.is_alive = False
        self._places.free(self.name)

    @property
    def state(self) -> State:
        return self.breaker.state


class World:
    """So many processes of each host, the dependency, and what is on its way between them."""

    def __init__(self, number: int, seed: int = 0, hosts: int = 1, **options: Any) -> None:
        self.clock = ManualClock()
        self.chance = random.Random(seed)
        self.is_up, self.hangs = True, False
        self.patience = 2.0
        """Seconds after which a call is given up that has no answer."""
        self.loss = self.doubling = 0.0
        self.delay = 0.0001
        self.cut: set[frozenset[str]] = set()
        self.reached: list[tuple[float, str]] = []
        self._queue: list[tuple[float, int, Node, Callable[[], object]]] = []
        self._order = itertools.count()
        self.nodes: list[Node] = []
        self.places = [Places(options.get("half_open_max_calls", 3)) for _ in range(hosts)]
        self._options = options
        for _ in range(number):
            for host in range(hosts):
                self.start(host)

    @property
    def now(self) -> float:
        return self.clock.now()

    def start(self, host: int = 0) -> Node:
        """One process more."""
        self.nodes.append(Node(f"w{len(self.nodes)}", self, self._options, host))
        return self.nodes[-1]

    def of(self, host: int) -> list[Node]:
        """The processes of a host."""
        return [each for each in self.nodes if each.host == host]

    def later(self, node: Node, act: Callable[[], object], after: float = 0.0) -> None:
        """Something that a process does when it gets to it."""
        heapq.heappush(self._queue, (self.now + after, next(self._order), node, act))

    def deliver(self, sender: Node, receiver: Node, message: OfBreakers) -> None:
        """A message, if the network is in the mood."""
        if frozenset((sender.name, receiver.name)) in self.cut:
            return
        for _ in range(2 if self.chance.random() < self.doubling else 1):
            if self.chance.random() >= self.loss:
                after = self.delay * (1 + self.chance.random())
                self.later(
                    receiver,
                    lambda: receiver.shared.hear(sender.name, message, self.now),
                    after,
                )

    def pass_by(self, seconds: float, step: float = 0.05) -> None:
        """Let time pass; each process looks around every so often, and tells how it stands."""
        end = self.now + seconds
        while self.now < end:
            self._run(min(end, self.now + step))
            for node in self.nodes:
                if node.is_alive:
                    node.shared.tick(self.now)
                    if self.chance.random() < step:  # once a second
                        node.shared.tell()
        self._run(end)

    def settle(self) -> None:
        """Let everything arrive that is on its way."""
        self.pass_by(4 * self.delay + 0.001, step=0.001)

    def _run(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            at, _, node, act = heapq.heappop(self._queue)
            self.clock.advance(max(0.0, at - self.now))
            if node.is_alive:
                act()
        self.clock.advance(max(0.0, until - self.now))
