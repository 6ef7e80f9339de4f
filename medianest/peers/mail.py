"""What a process says to the others of its host, and hears of them."""

from __future__ import annotations

from collections.abc import Iterator

from medianest.peers.codec import decoded, encoded
from medianest.peers.counts import Counts
from medianest.peers.membership import Membership
from medianest.peers.messages import Message

__all__ = ["Mail"]


class Mail:
    """That of one member. Waits for nothing. Thread-safe, but for `received`."""

    def __init__(self, membership: Membership, counts: Counts) -> None:
        self._membership, self._counts = membership, counts

    def send(self, message: Message, to: str | None = None) -> bool:
        """To all others, or to one; whether all have it."""
        data, are_there = encoded(self._membership.name, message), True
        for each in self._membership.others() if to is None else (to,):
            is_there = self._membership.send(data, each)
            self._counts.add("sent" if is_there else "lost")
            are_there &= is_there
        return are_there

    def received(self) -> Iterator[tuple[str, Message]]:
        """What members have said, and who. A stranger may write into the folder, too."""
        for data in self._membership.received():
            found = decoded(data)
            if found is None or not self._is_of_other(found[0]):
                self._counts.add("unreadable")
                continue
            self._counts.add("received")
            yield found

    def _is_of_other(self, sender: str) -> bool:
        return sender != self._membership.name and self._membership.knows(sender)
