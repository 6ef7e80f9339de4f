"""Overrides in memory, for a process that has no folder to keep them in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from medianest.overrides.override import Override

__all__ = ["OverrideMemory"]


class OverrideMemory:
    """Stands where OverrideFile does; what it holds ends with the process. Thread-safe."""

    path = "memory"
    outlives_process = False

    def __init__(self) -> None:
        self._held: list[Override] = []
        self._updates = 0

    def signature(self) -> tuple[int, ...]:
        """Changes whenever it does: several keepers may have it."""
        return (self._updates,)

    def read(self) -> list[Override]:
        """What it holds."""
        return self._held

    def update(self, change: Callable[[list[Override]], Iterable[Override]]) -> None:
        """Hold what `change` makes of what it holds now."""
        self._held = list(change(self._held))
        self._updates += 1
