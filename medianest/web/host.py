"""What the workers of this host share, and what this host shares with others."""

from __future__ import annotations

from functools import cache, partial

from medianest.cluster import HostLink, host_name, tier_of
from medianest.config import Settings
from medianest.jobs import Job, Lifecycle
from medianest.overrides.file import OverrideFile
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.store import OverrideStore
from medianest.peers.board import Board
from medianest.peers.host import HostPeers
from medianest.resilience import Registry
from medianest.storage.database import Database

__all__ = ["Host"]


class Host:
    """The peers of this process and their board, the operators' overrides, and the link to other
    hosts; None: there are no others. Starts no thread and opens no connection."""

    def __init__(
        self, settings: Settings, registry: Registry, database: Database, lifecycle: Lifecycle
    ) -> None:
        self._lifecycle, self._interval = lifecycle, settings.health.interval
        self.folder = settings.instance_path / "peers"
        self.peers = HostPeers(
            registry, self.folder, lambda: lifecycle.worker, self.is_one_of_several
        )
        self.board = Board(
            self.peers,
            self.folder,
            registry.clock,
            lambda: Lifecycle.server,
            self.is_one_of_several,
        )
        self.overrides = OverrideKeeper(
            registry,
            OverrideFile(settings.instance_path / "overrides.json", registry.clock),
            OverrideStore(database),
            self.peers,
        )
        self.link = self._link(settings, registry)

    def is_one_of_several(self) -> bool:
        """Whether this process is one of several workers."""
        return self._lifecycle.worker is not None

    def _link(self, settings: Settings, registry: Registry) -> HostLink | None:
        tier = tier_of(settings)
        if tier is None:
            return None
        peers, name = self.peers, cache(partial(host_name, settings.instance_path))
        return HostLink(
            tier, self.overrides, registry, lambda: peers.is_elected, peers.breakers, name
        )

    def jobs(self) -> list[Job]:
        """What is done beside the requests, but for what is about overrides."""
        return [self.peers.job(), self.board.job()]

    def jobs_of_overrides(self) -> list[Job]:
        """The rest."""
        link = [] if self.link is None else [self.link.job()]
        return [*self.overrides.jobs(self._interval), *link]
