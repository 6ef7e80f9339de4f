"""What all apps of one extension have in common, as they have one registry."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from medianest.dependencies import MonitoredService
from medianest.flask.shared_peers import SharedPeers, folder_of, peers_of
from medianest.health import Check
from medianest.health.alerts import AlertOptions
from medianest.health.checks import check_breakers, check_cpu, check_memory
from medianest.health.system import System
from medianest.overrides.file import OverrideFile
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.memory import OverrideMemory
from medianest.resilience import ConfigurationError, Registry

__all__ = ["Shared"]


class Shared:
    """The `service`, the checks of this process among its own, and what operators want of its
    circuit breakers."""

    def __init__(self, service: MonitoredService) -> None:
        self.service = service
        self.system = System(service.registry.clock)
        self._folder: Any = None
        self._overrides: OverrideKeeper | None = None
        self.peers: SharedPeers | None = None
        """Those that share the folder; None: there is no folder."""
        self._watch_process()

    def overrides(self, folder: Any) -> OverrideKeeper:
        """Those that are kept in that folder; None: nowhere. Raises ConfigurationError for what is
        no folder, and for another one than the first."""
        if self._overrides is None:
            self._overrides = self._keeper(folder_of(folder))
            self._folder = folder
        if folder != self._folder:
            raise ConfigurationError(
                f"RESILIENCE_FOLDER: apps of one extension share their circuit breakers and the "
                f"folder, which is {self._folder!r}, not {folder!r}"
            )
        return self._overrides

    def _keeper(self, folder: Path | None) -> OverrideKeeper:
        registry = self.service.registry
        if folder is None:
            memory = _memories.setdefault(registry, OverrideMemory())
            return OverrideKeeper(registry, memory)
        self.peers = peers_of(registry, folder)
        file = OverrideFile(folder / "overrides.json", registry.clock)
        return OverrideKeeper(registry, file, peers=self.peers.host)

    def _watch_process(self) -> None:
        options = AlertOptions()
        breakers = partial(check_breakers, self.service.registry, options.breakers_open)
        memory = partial(check_memory, self.system, options.memory)
        for check in (
            Check("circuit-breakers", breakers, "internal", "optional"),
            Check("memory", memory, "internal", "important"),
            Check("cpu", partial(check_cpu, self.system), "internal", "optional"),
        ):
            self.service.monitor.add(check)


_memories: Final[WeakKeyDictionary[Registry, OverrideMemory]] = WeakKeyDictionary()
"""What is kept in no folder, by the registry: it may be in several extensions."""
