"""Processes that show each other figures by a board, all of them in this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medianest.peers.board import Board
from medianest.peers.host import HostPeers
from medianest.peers.posts import Posts
from medianest.peers.retirement import Retirement
from medianest.resilience import ManualClock, Registry

__all__ = ["TOPIC", "Begin", "Process", "files", "total"]

TOPIC = "counts"


def total(retired: Any, document: Any) -> Any:
    """What is kept of the dead: the sum."""
    if type(document) is not int:
        raise ValueError(document)
    return (retired or 0) + document


@dataclass
class Process:
    """One of those that share a folder, in this process."""

    folder: Path
    server: str = "s"
    count: Any = 0
    made: int = 0
    is_one_of_several: bool = False
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.peers = HostPeers(Registry(), self.folder)
        self.peers.start()
        self.board = Board(
            self.peers, self.folder, self.clock, lambda: self.server, lambda: self.is_one_of_several
        )
        self.board.add(TOPIC, self._make, total)
        self.board.start()

    def _make(self) -> Any:
        self.made += 1
        return self.count

    @property
    def file(self) -> Path:
        return self.folder / f"{self.peers.members()[0]}.{TOPIC}"

    def total(self) -> int:
        """Of all, as one who is asked for it finds it."""
        found = self.board.gather(TOPIC)
        documents = [each.document for each in (*found.others, *found.dead)]
        return sum([found.mine, found.retired or 0, *documents])

    def retirement(self) -> Retirement:
        """As the elected process has it."""
        return Retirement(self.folder, Posts(self.folder, TOPIC), total)

    def die(self) -> None:
        """Without a last word, as after SIGKILL."""
        self.peers.stop()


Begin = Callable[..., Process]
"""Begins one more, with the same folder."""


def files(folder: Path) -> set[str]:
    """The names of those of the topic."""
    return {each.name for each in folder.iterdir() if f".{TOPIC}" in each.name}
