"""What explains an alert."""

from __future__ import annotations

from collections.abc import Sequence

from medianest.health.thresholds import Severity
from tests.health.watching import World

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


def explained(world: World, lately: Sequence[str] = ()) -> dict[tuple[str, str], str | None]:
    read = world.read(lately)
    return {k: r.inhibited_by for k, r in read.items() if r.severity is not None}
