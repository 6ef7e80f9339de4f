"""What begins anew in a process that is forked: it has no threads, and files of its parent."""

from __future__ import annotations

import os
import weakref
from typing import Final, Protocol

__all__ = ["LIVING"]


class _BeginsAnew(Protocol):
    def begin_anew(self) -> None:
        """What was inherited is the other's."""


LIVING: Final[weakref.WeakSet[_BeginsAnew]] = weakref.WeakSet()
"""Those that do so."""


def _begin_anew() -> None:
    for each in list(LIVING):
        each.begin_anew()


os.register_at_fork(after_in_child=_begin_anew)
