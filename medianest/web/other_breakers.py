"""Breakers of other packages in this process, as operators see them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

__all__ = ["ForeignBreaker"]


class ForeignBreaker(Protocol):
    """A breaker that somebody else's package keeps, at one instant; the package tells no more."""

    @property
    def name(self) -> str:
        """Its name, which no other breaker has."""
        ...

    @property
    def state(self) -> str:
        """closed, open or half_open."""
        ...

    @property
    def failures_in_a_row(self) -> int:
        """Since its last success."""
        ...

    @property
    def last_failure(self) -> BaseException | None:
        """Since its last success."""
        ...

    @property
    def next_attempt(self) -> datetime | None:
        """When it lets a call through, while it is open."""
        ...

    @property
    def retry_after(self) -> float | None:
        """Seconds until then."""
        ...

    def reset(self) -> None:
        """Close it and forget its failures."""
        ...
