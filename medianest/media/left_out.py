"""What was left out of servers' answers, as nobody could understand it: counted, and said once."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Final

__all__ = ["LEFT_OUT", "LeftOut", "Oddity"]

logger = logging.getLogger(__name__)

_MOST_KINDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Oddity:
    """A kind of fault: of which service and endpoint, and what it is, such as `title: missing`."""

    service: str
    endpoint: str
    what: str


class LeftOut:
    """Counts elements by kind of fault, and logs each kind once. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Oddity] = Counter()

    def note(self, fault: Oddity, elements: int) -> None:
        """So many elements of one answer were left out."""
        with self._lock:
            is_new = fault not in self._counts
            if is_new and len(self._counts) >= _MOST_KINDS:
                return
            self._counts[fault] += elements
        if is_new:
            logger.warning(
                "%s: left %d out of the answer to %s, and serve the rest: %s",
                fault.service,
                elements,
                fault.endpoint,
                fault.what,
            )

    def counts(self) -> dict[Oddity, int]:
        """How many elements were left out since the process began."""
        with self._lock:
            return dict(self._counts)

    def by_endpoint(self) -> Counter[tuple[str, str]]:
        """The same by service and endpoint."""
        found: Counter[tuple[str, str]] = Counter()
        for fault, elements in self.counts().items():
            found[fault.service, fault.endpoint] += elements
        return found


LEFT_OUT: Final = LeftOut()
"""Those of this process."""
