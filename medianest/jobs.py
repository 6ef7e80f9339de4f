"""What a process does beside the requests: jobs, from its start to its end."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

__all__ = ["Job", "Lifecycle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something that is done again and again, every so many seconds."""

    name: str
    """What it does, as it is said of a failure: "cannot prune the queue now"."""
    run: Callable[[], object]
    every: float
    first: float = 0.0
    """Seconds until it is done for the first time."""
    needs_tables: bool = False
    """Whether it waits until the database has the tables of this version."""
    at_start: Callable[[], object] | None = None
    """What is done before the process takes its first request."""
    at_end: Callable[[], object] | None = None
    """What is done when the process ends; it takes no longer than a few seconds."""
    must_go_on: bool = False
    """Whether it has threads of its own, as it must go on whatever else hangs."""


@dataclass
class Lifecycle:
    """When this process began to serve, and whether it is about to stop."""

    started_at: float
    draining: bool = False
    """Whether no more requests are to be sent to it."""
    is_ending: bool = False
    """Whether its jobs take on nothing new."""
    is_replaced: bool = False
    """Whether it ends because another process takes its place."""
    worker: str | None = field(default_factory=lambda: Lifecycle.number)
    """The number of this process among several workers; None: there is one."""
    number: ClassVar[str | None] = None
    """That of a process that builds its app anew, which may tell of itself before it serves."""
    server: ClassVar[str] = ""
    """Which start of the server this process is a part of; the same for all its workers."""

    def process(self) -> str:
        """Which process of which host it is."""
        host = socket.gethostname()
        return host if self.worker is None else f"{host}/{self.worker}"
