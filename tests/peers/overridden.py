"""The processes of a simulated host with operators' overrides: a file that can be full or removed,
a database that goes away, news that are lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from medianest.overrides.file import OverrideFileError
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.memory import OverrideMemory
from medianest.overrides.override import Action, Kept, Override
from medianest.overrides.store import OverrideStore
from medianest.peers.announcements import Reached
from medianest.resilience import State
from medianest.storage import StorageError
from tests.peers.simulation import Node, World

__all__ = ["Host", "Obeying"]


class File(OverrideMemory):
    """That of a host."""

    outlives_process = True

    def __init__(self) -> None:
        super().__init__()
        self.is_full = self.is_removed = False

    def signature(self) -> Any:
        return None if self.is_removed else super().signature()

    def update(self, change: Callable[[list[Override]], Iterable[Override]]) -> None:
        if self.is_full:
            raise OverrideFileError("no space is left")
        super().update(change)
        self.is_removed = False

    def remove(self) -> None:
        self._held, self.is_removed = [], True


class Store(OverrideStore):
    """The copy in the database."""

    def __init__(self) -> None:
        self._kept: dict[str, Override] = {}
        self.is_away = False

    def all(self) -> list[Override]:
        self._reach()
        return list(self._kept.values())

    def put(self, overrides: list[Override]) -> None:
        self._reach()
        for each in overrides:
            known = self._kept.get(each.breaker)
            if known is None or known.revision <= each.revision:
                self._kept[each.breaker] = each

    def forget(self, overrides: list[Override]) -> None:
        self._reach()
        for each in overrides:
            if self._kept.get(each.breaker) == each:
                del self._kept[each.breaker]

    def remove(self) -> None:
        self._kept.clear()

    def _reach(self) -> None:
        if self.is_away:
            raise StorageError("it is away")


class Obeying:
    """One process. To its keeper it is the way to the others."""

    problem = None

    def __init__(self, node: Node, host: Host) -> None:
        self.node, self._host = node, host
        self.obey: Callable[[], bool] = lambda: True
        only = SimpleNamespace(clock=host.world.clock, find_breaker=lambda name: node.breaker)
        me: Any = SimpleNamespace(announcements=self, problem=None)
        self.keeper = OverrideKeeper(only, host.file, host.store, me)  # type: ignore[arg-type]
        self.keeper.follow()

    def on(self, topic: str, act: Callable[[], bool]) -> None:
        self.obey = act

    def announce(self, topic: str, seconds: float) -> Reached:
        self._host.tell(self)
        return Reached()

    def alone(self) -> Reached:
        return Reached()

    def hear(self) -> None:
        """There are news."""
        self.obey()

    @property
    def state(self) -> State:
        return self.node.state


class Host:
    """A world whose processes obey operators. `said` is when each word was, who said so, and where
    it was kept."""

    def __init__(self, world: World) -> None:
        self.world, self.file, self.store = world, File(), Store()
        self.said: list[tuple[datetime, Obeying, Kept]] = []
        self.all = [Obeying(node, self) for node in world.nodes]

    def living(self) -> list[Obeying]:
        return [each for each in self.all if each.node.is_alive]

    def tell(self, sender: Obeying) -> None:
        for each in self.living():
            if each is not sender and self.world.chance.random() >= self.world.loss:
                self.world.later(each.node, each.hear, self.world.delay)

    def act(self, who: Obeying, action: Action, expires_in: float | None) -> None:
        """What an operator says to one process."""
        at = self.world.clock.utc()
        self.said.append((at, who, who.keeper.act("plex", action, expires_in=expires_in)))

    def restart(self, who: Obeying) -> Obeying:
        """SIGKILL, and another process in its place."""
        who.node.die()
        self.all.append(Obeying(self.world.start(), self))
        return self.all[-1]

    def pass_by(self, seconds: float) -> None:
        """Each looks at the file once a second, and at the database less often."""
        for _ in range(round(seconds / 0.25)):
            self.world.pass_by(0.25, step=0.125)
            for each in self.living():
                if self.world.chance.random() < 0.3:
                    each.keeper.follow()
                if self.world.chance.random() < 0.05:
                    self._compare(each)

    def settle(self) -> None:
        """All look at everything, until nobody learns anything new."""
        for _ in range(3):
            for each in self.living():
                self._compare(each)
                each.keeper.follow()
        self.world.pass_by(0.5)

    @staticmethod
    def _compare(who: Obeying) -> None:
        try:
            who.keeper.sync()
        except StorageError:
            pass

    def surely_kept(self) -> datetime | None:
        """When the last word was that cannot have been lost: it was kept, or who was told lives."""
        kept = (at for at, who, kept in self.said
                if kept.file or kept.database or who.node.is_alive)  # fmt: skip
        return max(kept, default=None)
