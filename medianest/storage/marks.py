"""What the processes of one host tell each other while the database is away: marks in a folder."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
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
        mark = self._mark(alert.key, f"{alert.state}-{alert.severity.name}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._forget_old()
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            if alert.state == "firing":  # its end is news again
                for ended in self._folder.glob(self._mark(alert.key, "resolved-*").name):
                    ended.unlink(missing_ok=True)
        except FileExistsError:
            if alert.state == "firing":  # it goes on, and who asks again is to be told so again
                os.utime(mark)
            return False
        except (OSError, ValueError):
            return True
        return True

    def _mark(self, key: str, what: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}-{what}"

    def _forget_old(self) -> None:
        """Also those of a time to come: the clock was set back since."""
        now = self._clock.utc().timestamp()
        for mark in self._folder.iterdir():
            with suppress(OSError):  # another process may just have removed it
                if abs(now - mark.stat().st_mtime) > self._lasts:
                    mark.unlink()
