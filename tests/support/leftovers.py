"""What this process has begun and not yet ended: what other tests left meanwhile may end, too, so
that no count of all there is comes back to what it was."""

import threading
from pathlib import Path


class Leftovers:
    """Counts from the instant at which it is made."""

    def __init__(self) -> None:
        self._before, self._files = set(threading.enumerate()), _open_files()

    @property
    def threads(self) -> int:
        """How many of those that run have begun since."""
        return len(set(threading.enumerate()) - self._before)

    @property
    def files(self) -> int:
        """How many more are open; the least that there can be."""
        return max(0, _open_files() - self._files)


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
