"""What the hosts have in common: a place that each can read and write, and that can wake them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

__all__ = ["FORGOTTEN", "LARGEST", "LONGEST_NAME", "MOST", "Change", "Tier", "TierError"]

MOST: Final = 500
"""Entries. With more it is no place of ours."""
LARGEST: Final = 8_000
"""Bytes of an entry."""
FORGOTTEN: Final = 3_600
"""Seconds after which a report is of no use to anybody."""
LONGEST_NAME: Final = 100
"""Characters, as in the database."""


class TierError(Exception):
    """It cannot be reached, does not answer, or does not do what it was asked. The message says
    why, without addresses and passwords."""


@dataclass(frozen=True, slots=True)
class Change:
    """An entry to be written where it still is what was `seen`; b"" for one that is not there, or
    too large to be read. `entry` None: it is to be removed."""

    name: str
    seen: bytes
    entry: bytes | None


class Tier(Protocol):
    """Entries by name, a report of each host, and leases by name; entries and reports are bytes,
    names of hosts have no more characters than those of entries. One thread uses it; no wait
    outlives the current deadline. Each call raises TierError, but `close` and `abandon`."""

    name: str
    """What people call it."""

    def connect(self) -> None:
        """Be ready to read, to write and to be woken."""
        ...

    def read(self) -> Mapping[str, bytes]:
        """All entries; b"" for one that is too large."""
        ...

    def write(self, changes: Collection[Change]) -> int:
        """Make those changes that nobody has forestalled; how many."""
        ...

    def report(self, host: str, entry: bytes | None) -> Mapping[str, tuple[float, bytes]]:
        """Keep the report of that host, or none of it. Those of all hosts as they were before, each
        with how many seconds ago it came; without those that are too large, or of the future."""
        ...

    def take_leases(self, names: Collection[str], host: str, seconds: float) -> Collection[str]:
        """Give that host those of the leases for so long from now on that no other host has; which.
        One that ends later than that is nobody's."""
        ...

    def give_leases(self, names: Collection[str], host: str) -> None:
        """That host does not need them any longer."""
        ...

    def wake(self) -> None:
        """Have the other hosts look."""
        ...

    def fileno(self) -> int:
        """What can be read when somebody may have woken this host; negative: nobody can."""
        ...

    def is_woken(self) -> bool:
        """Whether another host has asked to look since this was asked last; waits for nothing."""
        ...

    def close(self) -> None:
        """Free what it has; harmless when it has nothing."""
        ...

    def abandon(self) -> None:
        """Leave to another process what was forked away from it."""
        ...
