"""What all apps of one extension have in common, as they have one registry."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from medianest.dependencies import MonitoredService
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
        self._watch_process()

    def overrides(self, folder: Any) -> OverrideKeeper:
        """Those that are kept in that folder; None: nowhere. Raises ConfigurationError for what is
        no folder, and for another one than the first."""
        if self._overrides is None:
            registry = self.service.registry
            self._overrides = OverrideKeeper(registry, _kept_in(folder, registry))
            self._folder = folder
        if folder != self._folder:
            raise ConfigurationError(
                f"RESILIENCE_FOLDER: apps of one extension share their circuit breakers and the "
                f"folder, which is {self._folder!r}, not {folder!r}"
            )
        return self._overrides

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


def _kept_in(folder: Any, registry: Registry) -> OverrideFile | OverrideMemory:
    if folder is None:
        return _memories.setdefault(registry, OverrideMemory())
    if not isinstance(folder, str | Path):
        raise ConfigurationError(f"RESILIENCE_FOLDER must be the path of a folder, not {folder!r}")
    return OverrideFile(Path(folder) / "overrides.json", registry.clock)
