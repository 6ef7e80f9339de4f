"""How many messages and votes a process has had."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Literal

__all__ = ["Counted", "Counts"]

Counted = Literal["sent", "lost", "received", "unreadable", "asked", "answered", "silent", "late"]
"""Of messages: sent, refused by a full or missing socket, received, and such as nobody could read
or no member has sent. Of votes: held, and the answers of others to them: in time, not at all, and
after the vote."""


class Counts:
    """They only grow. Thread-safe."""

    def __init__(self) -> None:
        self._numbers: Counter[Counted] = Counter()
        self._lock = threading.Lock()

    def add(self, what: Counted, number: int = 1) -> None:
        """So many more."""
        with self._lock:
            self._numbers[what] += number

    def of(self, what: Counted) -> int:
        """How many there were."""
        return self._numbers[what]
