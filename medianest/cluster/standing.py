"""How it stands between the hosts, for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Standing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """As this process sees it. Only one process of a host has a connection; to the others
    `is_held` is False and nothing else means anything. Numbers are since its start."""

    tier: str
    """Through what hosts know of each other."""
    is_held: bool = False
    connected: bool = False
    lost_since: datetime | None = None
    problem: str | None = None
    """Why it is lost."""
    losses: int = 0
    looks: int = 0
    learned: int = 0
    """Overrides that other hosts have told."""
    told: int = 0
    """Overrides that were told to other hosts."""
    damaged: int = 0
    """Entries that could not be read at the last look."""
