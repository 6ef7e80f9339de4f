"""The processes of a host that share a folder: what the breakers of each have to tell, and hear."""

from __future__ import annotations

import logging
import os
import select
import threading
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from medianest.jobs import Job
from medianest.peers.announcements import Announcements
from medianest.peers.codec import decoded, encoded
from medianest.peers.membership import Membership
from medianest.peers.messages import Heard, Message, News, OfBreakers
from medianest.peers.port import Port
from medianest.peers.seat import Seat
from medianest.peers.shared_breaker import SharedBreaker
from medianest.resilience import CircuitBreaker, Registry, State
from medianest.resilience.events import BreakerAdded, StateChanged, breaker_added, state_changed

__all__ = ["HostPeers"]

logger = logging.getLogger(__name__)

_TICK: Final = 0.05
"""Seconds between two looks at what is awaited, and at calls that hang."""
_LOOK: Final = 1.0
"""Seconds between two looks at who lives, and between two accounts of how it stands."""
_TRY_AGAIN: Final = 60.0
_AWAITED: Final = 10_000
"""Things to do that may wait; what is more is forgotten, as all is told again."""

_JOINED: Final = "joined"
"""News of a process that is new."""

_CLOSINGS: Final = frozenset({"probes_passed", "close", "reset", "enable", "expired"})


class HostPeers:
    """Ties the breakers of a registry to those of the same names in other processes that share
    `folder`: they open and probe as one. `start()` it after a fork; a process that is forked
    later is one of its own. `label()` is what this process is called, if it is one of several
    workers. Thread-safe.

    Where the folder cannot be shared, `problem` says why, and each process judges alone.
    """

    def __init__(
        self, registry: Registry, folder: Path, label: Callable[[], str | None] = lambda: None
    ) -> None:
        self._registry, self._folder, self._label = registry, folder, label
        self._shared: dict[str, SharedBreaker] = {}
        self._waiting: set[SharedBreaker] = set()
        """Those that have to look at the time; of the listening thread."""
        self._due: deque[Callable[[float], None]] = deque(maxlen=_AWAITED)
        self._seat: Seat | None = None
        self._thread: threading.Thread | None = None
        self._ends = threading.Event()
        self.problem: str | None = None
        self.announcements = Announcements(self._look_around, self._send)

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
        """Join the others, and listen to them; anew where somebody has removed the folder."""
        if self._seat is not None and self._seat.membership.is_there():
            return
        self.stop()
        try:
            seat = self._seat = Seat(self._folder, self._label())
        except OSError as error:
            problem = f"{self._folder} cannot be shared: {error.strerror or error}"
            if problem != self.problem:
                logger.warning("%s; each process judges alone", problem)
            self.problem = problem
            return
        self.problem = None
        self._ends.clear()
        self._thread = threading.Thread(
            target=self._run, args=(seat,), name="medianest-peers", daemon=True
        )
        state_changed.connect(self._on_change)
        breaker_added.connect(self._on_added)
        for breaker in self._registry.breakers():
            self._join(breaker)
        _living.add(self)
        self._thread.start()
        self._send(News(_JOINED, seat.membership.name))

    def stop(self) -> None:
        """Leave; what the breakers are then, they stay."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        state_changed.disconnect(self._on_change)
        breaker_added.disconnect(self._on_added)
        self._ends.set()
        self._call()
        thread.join(2 * _LOOK)
        for shared in self._shared.values():
            shared.breaker.joint.leave()
        for known in (self._shared, self._waiting, self._due):
            known.clear()
        self._leave()

    def begin_anew(self) -> None:
        """In a process that was forked: what was inherited is the other's."""
        if self._thread is None:
            return
        self._thread = None
        seat, self._seat = self._seat, None
        if seat is not None:
            seat.abandon()
        for known in (self._shared, self._waiting, self._due):
            known.clear()
        self._ends = threading.Event()
        self.announcements.begin_anew()
        _living.discard(self)
        self.start()

    def _leave(self) -> None:
        _living.discard(self)
        seat, self._seat = self._seat, None
        if seat is not None:
            seat.leave()

    @property
    def is_elected(self) -> bool:
        """Whether this process does what only one of the host need do. True where there are no
        others that it could share that with."""
        seat = self._seat
        return seat is None or seat.election.is_elected

    def _look_around(self) -> frozenset[str]:
        seat = self._seat
        return frozenset() if seat is None else seat.membership.look()

    def members(self) -> list[str]:
        """The names of the processes that live, this one first."""
        seat = self._seat
        return [] if seat is None else [seat.membership.name, *sorted(seat.membership.others())]

    # -- what happens here, in the threads of calls ------------------------------------------------

    def _on_added(self, event: BreakerAdded) -> None:
        breaker = self._registry.find_breaker(event.name)
        if breaker is not None:
            self._join(breaker)

    def _join(self, breaker: CircuitBreaker) -> None:
        seat = self._seat
        if seat is None:
            return  # this process is leaving
        known = self._shared.get(breaker.name)
        if known is None or known.breaker is not breaker:
            now = self._registry.clock.now
            others = seat.membership.others
            shared = SharedBreaker(breaker, seat.membership.name, others, self._send)
            self._shared[breaker.name] = shared
            breaker.joint.join(Port(shared, seat.places, now, self.later, self._failed))

    def _on_change(self, event: StateChanged) -> None:
        shared = self._shared.get(event.name)
        if shared is None or not shared.breaker.is_origin_of(event):
            return
        if event.after == State.OPEN:
            self.later(lambda now: self._opened(shared, now))
        elif event.trigger in _CLOSINGS:
            self.later(lambda now: shared.closed())

    def _failed(self, shared: SharedBreaker, now: float) -> None:
        shared.failed(now)
        self._look_after(shared)

    def _opened(self, shared: SharedBreaker, now: float) -> None:
        shared.opened(now)
        self._look_after(shared)

    def later(self, act: Callable[[float], None]) -> None:
        """Have the listening thread do it; waits for nothing."""
        self._due.append(act)
        self._call()

    def _call(self) -> None:
        seat = self._seat
        if seat is not None:  # it may be none at any time: this process is leaving
            seat.wakeup.call()

    # -- the listening thread ----------------------------------------------------------------------

    def _run(self, seat: Seat) -> None:
        clock, looked, poll = self._registry.clock, 0.0, select.poll()
        poll.register(seat.membership.socket, select.POLLIN)
        poll.register(seat.wakeup, select.POLLIN)
        while not self._ends.is_set():
            try:
                poll.poll(1000 * (_TICK if self._waiting else _LOOK))
                seat.wakeup.answer()
                while self._due:
                    self._due.popleft()(clock.now())
                self._hear(seat.membership)
                now = clock.now()
                self._tick(now)
                if now - looked >= _LOOK:
                    looked = now
                    self._look(seat, now)
            except Exception:
                logger.exception("what other processes say cannot be heard now")
                self._ends.wait(_LOOK)

    def _tick(self, now: float) -> None:
        for shared in list(self._waiting):
            shared.tick(now)
            if not shared.is_waiting:
                self._waiting.discard(shared)

    def _look_after(self, shared: SharedBreaker) -> None:
        if shared.is_waiting:
            self._waiting.add(shared)

    def _hear(self, membership: Membership) -> None:
        for data in membership.received():
            found = decoded(data)
            if found is None:
                continue
            sender, message = found
            if sender == membership.name or not membership.knows(sender):
                continue
            if isinstance(message, News | Heard):
                self._hear_news(sender, message, membership)
            else:
                self._hear_of_breaker(sender, message)

    def _hear_news(self, sender: str, message: News | Heard, membership: Membership) -> None:
        if isinstance(message, News) and message.topic == _JOINED:
            membership.look()
            for shared in list(self._shared.values()):
                shared.tell(sender)
        else:
            self.announcements.hear(sender, message)

    def _hear_of_breaker(self, sender: str, message: OfBreakers) -> None:
        shared = self._shared.get(message.breaker)
        if shared is not None:
            shared.hear(sender, message, self._registry.clock.now())
            self._look_after(shared)

    def _look(self, seat: Seat, now: float) -> None:
        seat.membership.look()
        seat.election.look()
        kept: set[str] = set()
        for name, shared in list(self._shared.items()):
            if self._registry.find_breaker(name) is not shared.breaker:
                if self._shared.get(name) is shared:  # and not one that was added just now
                    del self._shared[name]
                continue
            kept.update(shared.rounds(now))
            shared.tell()
            self._look_after(shared)
        seat.places.keep(kept)

    def _send(self, message: Message, to: str | None = None) -> None:
        seat = self._seat
        if seat is None:
            return
        membership = seat.membership
        data = encoded(membership.name, message)
        for each in membership.others() if to is None else (to,):
            membership.send(data, each)


_living: weakref.WeakSet[HostPeers] = weakref.WeakSet()


def _begin_anew() -> None:
    for each in list(_living):
        each.begin_anew()


os.register_at_fork(after_in_child=_begin_anew)
