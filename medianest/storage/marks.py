"""What the processes of one host tell each other while the database is away: marks in a folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from medianest.health.alerts import Alert
from medianest.resilience import Clock

__all__ = ["Marks"]


class Marks:
    """A file for each alert that was told, in a folder that all processes of a host share. One
    that is older than `lasts` seconds counts no more."""

    def __init__(self, folder: Path, lasts: float, clock: Clock) -> None:
        self._folder = folder
        self._lasts = lasts
        self._clock = clock

    def claim(self, alert: Alert) -> bool:
        """Mark that this is told; False when another process has told it. Where no file can be
        made, it is better told twice than never."""
        text = f"{alert.key} {alert.state} {alert.severity.name}"
        mark = self._folder / hashlib.sha256(text.encode()).hexdigest()[:32]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._forget_old()
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        except (OSError, ValueError):
            return True
        return True

    def _forget_old(self) -> None:
        oldest = self._clock.utc().timestamp() - self._lasts
        for mark in self._folder.iterdir():
            if mark.stat().st_mtime < oldest:
                mark.unlink(missing_ok=True)
