"""What a process holds while it is one of those that share a folder."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from medianest.peers.counts import Counts
from medianest.peers.election import Election
from medianest.peers.mail import Mail
from medianest.peers.membership import Membership
from medianest.peers.places import Places
from medianest.peers.wakeup import WakeUp

__all__ = ["Seat"]


class Seat:
    """Raises OSError where the folder cannot be shared."""

    def __init__(self, folder: Path, label: str | None, counts: Counts) -> None:
        with ExitStack() as opened:
            self.membership: Final = Membership(folder, label)
            opened.callback(self.membership.close)
            self.mail: Final = Mail(self.membership, counts)
            self.places: Final = Places(folder / "places")
            opened.callback(self.places.close)
            self.bulkheads: Final = Places(folder / "bulkheads")
            opened.callback(self.bulkheads.close)
            self.wakeup: Final = WakeUp()
            opened.pop_all()
        self.election: Final = Election(folder / "leader")
        self.election.look()

    def leave(self) -> None:
        """Give all of it up."""
        self.election.resign()
        self.membership.close()
        self.places.close()
        self.bulkheads.close()
        self.wakeup.close()

    def abandon(self) -> None:
        """Leave to another process what was forked away from it."""
        self.membership.abandon()
        self.leave()
