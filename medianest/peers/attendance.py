"""Which of the others live, and say nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

__all__ = ["Attendance"]

_LOOKS: Final = 8
"""Each process speaks once a look. One that is busy speaks later: 4 s later at the worst, measured
with three processes of 40 busy threads each on two cores that others loaded, too."""


class Attendance:
    """Counted in looks of this process, and not in seconds: who stood still itself has heard
    nobody, and finds what they said when it goes on. Written by one thread, read by all."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, int]] = {}
        """When each was heard last, and how often it was looked for since."""

    def heard(self, name: str, now: float) -> None:
        """That one has said something."""
        self._heard[name] = now, 0

    def look(self, others: Collection[str], now: float) -> None:
        """Those are the others that live now."""
        known = self._heard
        self._heard = {
            name: (known[name][0], known[name][1] + 1) if name in known else (now, 0)
            for name in others
        }

    def silent_since(self, name: str) -> float | None:
        """Since when it is silent; None: it is not."""
        heard_at, looks = self._heard.get(name, (0.0, 0))
        return heard_at if looks > _LOOKS else None
