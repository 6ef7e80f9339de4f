"""The processes of a host that share a folder: what each has to tell the others, and hear."""

from __future__ import annotations

import logging
import select
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from medianest.jobs import Job
from medianest.peers.announcements import Announcements
from medianest.peers.bulletins import Bulletins
from medianest.peers.counts import Counts
from medianest.peers.forks import LIVING
from medianest.peers.host_breakers import HostBreakers
from medianest.peers.messages import Bulletin, Heard, Message, News, OfBulkheads, States
from medianest.peers.roster import Roster
from medianest.peers.seat import Seat
from medianest.peers.shared_breaker import PATIENCE
from medianest.peers.shared_bulkhead import IDLE, SharedBulkheads
from medianest.peers.tier import HostTier
from medianest.peers.ties import Ties
from medianest.resilience import Registry

__all__ = ["HostPeers"]

logger = logging.getLogger(__name__)

_TICK: Final = 0.05
"""Seconds between two looks at what is awaited, and at calls that hang."""
_LOOK: Final = 1.0
"""Seconds between two looks at who lives, and between two accounts of how it stands."""
_STOOD_STILL: Final = 2 * _LOOK
"""Seconds after which there may have been news that found no room."""
_TRY_AGAIN: Final = 60.0
_AWAITED: Final = 10_000
"""Things to do that may wait; what is more is forgotten, as all is told again."""

_JOINED: Final = "joined"
"""News of a process that is new."""


class HostPeers:
    """Ties the breakers of a registry to those of the same names in other processes that share
    `folder`: they open and probe as one; and so its bulkheads of scope `host`. `start()` it after a
    fork; a process that is forked later is one of its own. `label()` is what this process is
    called, if it is one of several workers. Thread-safe.

    `shares_places()` tells at the start whether bulkheads of scope "host" are shared: one that is
    alone need not ask the system for each place.

    Where the folder cannot be shared, `problem` says why, and each process judges alone.
    """

    def __init__(
        self,
        registry: Registry,
        folder: Path,
        label: Callable[[], str | None] = lambda: None,
        shares_places: Callable[[], bool] = lambda: True,
    ) -> None:
        self._registry, self._folder, self._label = registry, folder, label
        self._shares_places = shares_places
        self._due: deque[Callable[[float], object]] = deque(maxlen=_AWAITED)
        self._bulkheads = SharedBulkheads(registry, self.later, self._send)
        self._seat: Seat | None = None
        self._thread: threading.Thread | None = None
        self._ends = threading.Event()
        self.tier = HostTier(registry.clock)
        self.counts = Counts()
        self._ties = Ties(registry, self.later, self._send, self.counts)
        self.breakers = HostBreakers(self._ties, registry.clock, self.later, self._send)
        self.roster = Roster(registry, self.members, self._send)
        self.announcements = Announcements(self.look, self._send, self.roster.tell)
        self.announcements.on(_JOINED, lambda: True)
        self.bulletins = Bulletins(self._send)

    # -- its life ----------------------------------------------------------------------------------

    def job(self) -> Job:
        """What is done beside the requests; a folder that cannot be shared is tried again."""
        return Job(
            name="hear the other workers",
            run=self.start,
            every=_TRY_AGAIN,
            at_start=self.start,
            at_end=self.stop,
            must_go_on=True,
        )

    def start(self) -> None:
        """Join the others, and listen to them; anew where somebody has removed the folder. Waits
        for a quarter of a second at most, until they have told how their breakers are."""
        if self._seat is not None and self._seat.membership.is_there():
            return
        self.stop()
        if self._has_joined():
            self.announcements.announce(_JOINED, PATIENCE)

    def _has_joined(self) -> bool:
        try:
            seat = self._seat = Seat(self._folder, self._label(), self.counts)
        except OSError as error:
            self.tier.lose(f"{self._folder} cannot be shared: {error.strerror or error}")
            return False
        self.tier.regain()
        self._ends.clear()
        self._thread = threading.Thread(
            target=self._run, args=(seat,), name="medianest-peers", daemon=True
        )
        self._ties.join(seat)
        if self._shares_places():
            self._bulkheads.join(seat.bulkheads)
        LIVING.add(self)
        self._thread.start()
        return True

    def stop(self) -> None:
        """Leave; what the breakers are then, they stay."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._ends.set()
        self._call()
        thread.join(2 * _LOOK)
        self.announcements.stop(_LOOK)
        self._ties.leave()
        self._bulkheads.leave()
        self._due.clear()
        self._leave()

    def begin_anew(self) -> None:
        """In a process that was forked: what was inherited is the other's."""
        if self._thread is None:
            return
        self._thread = None
        seat, self._seat = self._seat, None
        if seat is not None:
            seat.abandon()
        self._ties.forget()
        self._bulkheads.begin_anew()
        self._due.clear()
        self._ends = threading.Event()
        self.announcements.begin_anew()
        LIVING.discard(self)
        if self._has_joined():
            self._send(News(_JOINED, "forked"))  # and wait for nothing here

    def _leave(self) -> None:
        LIVING.discard(self)
        seat, self._seat = self._seat, None
        if seat is not None:
            seat.leave()

    @property
    def problem(self) -> str | None:
        """Why the folder cannot be shared; None: it can."""
        return self.tier.problem

    @property
    def is_elected(self) -> bool:
        """Whether this process does what only one of the host need do. True where there are no
        others that it could share that with."""
        seat = self._seat
        return seat is None or seat.election.is_elected

    def look(self) -> frozenset[str]:
        """The names of the others that live now."""
        seat = self._seat
        return frozenset() if seat is None else seat.membership.look()

    def members(self) -> list[str]:
        """The names of the processes that live, this one first."""
        seat = self._seat
        return [] if seat is None else [seat.membership.name, *sorted(seat.membership.others())]

    def later(self, act: Callable[[float], object]) -> None:
        """Have the listening thread do it; waits for nothing."""
        self._due.append(act)
        self._call()

    def catch_up(self, seconds: float) -> None:
        """Wait until all is heard that others have said by now, or for so many seconds."""
        seat, heard = self._seat, threading.Event()
        if seat is not None and seat.membership.others():
            self.later(lambda now: self._hear(seat))
            self.later(lambda now: heard.set())
            heard.wait(seconds)

    def _call(self) -> None:
        seat = self._seat
        if seat is not None:  # it may be none at any time: this process is leaving
            seat.wakeup.call()

    # -- the listening thread ----------------------------------------------------------------------

    def _run(self, seat: Seat) -> None:
        clock, looked, poll = self._registry.clock, 0.0, select.poll()
        awake = clock.now()
        poll.register(seat.membership.socket, select.POLLIN)
        poll.register(seat.wakeup, select.POLLIN)
        while not self._ends.is_set():
            try:
                poll.poll(1000 * self._pause())
                seat.wakeup.answer()
                if (now := clock.now()) - awake >= _STOOD_STILL:
                    self.announcements.catch_up()
                awake = now
                while self._due:
                    self._due.popleft()(clock.now())
                self._hear(seat)
                now = clock.now()
                self._bulkheads.tick(now)
                self._ties.tick(now)
                if self._ties.has_changed:
                    self._ties.has_changed = False
                    self.roster.tell()
                if now - looked >= _LOOK:
                    looked = now
                    self._look(seat, now)
            except Exception:
                logger.exception("what other processes say cannot be heard now")
                self._ends.wait(_LOOK)

    def _pause(self) -> float:
        return _TICK if self._ties.are_waiting else IDLE if self._bulkheads.are_held else _LOOK

    def _hear(self, seat: Seat) -> None:
        for sender, message in seat.mail.received():
            now = self._registry.clock.now()
            self.roster.heard(sender, now)
            if isinstance(message, States):
                self.roster.hear(sender, message, now)
            elif isinstance(message, News | Heard):
                self._hear_news(sender, message, seat)
            elif isinstance(message, Bulletin):
                self.bulletins.hear(sender, message)
            elif isinstance(message, OfBulkheads):
                self._bulkheads.hear(sender, message)
            else:
                self._ties.hear(sender, message, now)

    def _hear_news(self, sender: str, message: News | Heard, seat: Seat) -> None:
        if isinstance(message, News) and message.topic == _JOINED:
            seat.membership.look()
            self.roster.tell(sender)
            if not self._ties.welcome(sender):
                return
        self.announcements.hear(sender, message)

    def _look(self, seat: Seat, now: float) -> None:
        seat.membership.look()
        seat.election.look()
        self.roster.look(seat.membership.others(), now)
        self._ties.look(seat, now)

    def _send(self, message: Message, to: str | None = None) -> bool:
        seat = self._seat
        return seat is not None and seat.mail.send(message, to)
