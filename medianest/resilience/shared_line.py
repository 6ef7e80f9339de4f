"""The places of a bulkhead that all processes of a host have together.

A process has as many as it has needed lately; a call takes one of these as it takes one of its own
bulkhead, without asking anybody. When there is none left it takes one more from the host. What lies
idle goes back: at once when somebody wants one, else after a moment. When none lies idle, the wish
of another process stands in the line like a call of this one, and gets the next place in its turn.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from medianest.resilience.clock import Clock
from medianest.resilience.deadline import remaining
from medianest.resilience.line import FRESH, Line, Waiter
from medianest.resilience.options import Scope
from medianest.resilience.peers import BulkheadPeers

__all__ = ["SharedLine"]

_LOOK: Final = 0.02
"""Seconds after which who waits looks again by itself: word of a free place may be lost. For so
long, too, a place is left to the process that it was given back for."""

_SELDOM: Final = 0.25
"""The same while this process has all places: many who look often would take its time."""

_GRACE: Final = 0.05
"""Seconds in which others give back what lies idle; who has asked in vain does not wait for it."""

_IN_VAIN: Final = 1.0
"""Seconds after which it is asked again: the wish may be lost."""

_IDLE: Final = "idle"
"""A place that was free at the last look."""


class _Wish(Waiter):
    """Another process's, for the next place; or nobody's, for one that is too many."""

    __slots__ = ("_left", "by")

    is_here = False

    def __init__(self, by: str | None, left: deque[str | None]) -> None:
        super().__init__()
        self.by, self._left = by, left

    def give(self) -> None:
        """It is handed over when the lock is free."""
        super().give()
        self._left.append(self.by)


class SharedLine(Line):
    """Until it has peers, and when they have left, all `most` places are this process's."""

    def __init__(self, most: int, max_wait: float, clock: Clock) -> None:
        super().__init__(most, max_wait, clock)
        self._held = most
        """How many this process has: free here, or in use."""
        self._too_many = 0
        """How many of these the host has not."""
        self._peers: BulkheadPeers | None = None
        self._left: deque[str | None] = deque()
        """For whom places were given up that the host does not have yet."""
        self._peak = 0
        self._courteous_until = self._in_vain_until = 0.0

    @property
    def scope(self) -> Scope:
        """Whose places they are now."""
        return "process" if self._peers is None else "host"

    @property
    def in_use(self) -> int:
        """How many are taken, of all processes. What lies idle with others counts."""
        peers, here = self._peers, max(0, self._held - len(self.free))
        return here if peers is None else min(self._most, here + peers.taken_elsewhere())

    @property
    def peak(self) -> int:
        """How many this process has had at once."""
        return max(self._peak, self._held - self.free.count(FRESH))

    @property
    def waiting(self) -> int:
        """How many calls of this process wait."""
        return sum(each.is_here for each in list(self.queue))

    # -- for calls ---------------------------------------------------------------------------------

    def give_back(self) -> None:
        """To who has waited longest, here or elsewhere."""
        super().give_back()
        if self._left:
            self._hand_over()

    def serve(self) -> None:
        """Give a free place, if there is one, to who has waited longest."""
        super().serve()
        if self._left:
            self._hand_over()

    def wait(self, waiter: Waiter, max_wait: float, max_waiting: int | None) -> bool:
        """Whether it has a place now: one more of the host's, or the next that comes free."""
        peers = self._peers
        if peers is None:
            return super().wait(waiter, max_wait, max_waiting)
        now = self._clock.now()
        if (not max_wait or now >= self._courteous_until) and self._take(peers, waiter):
            return True
        has_grace = self._held < self._most and now >= self._in_vain_until
        patience = remaining(max(max_wait, _GRACE) if has_grace else max_wait)
        if patience > 0 and not self._stands(waiter, patience, max_waiting):
            patience = remaining(_GRACE) if has_grace and self._may_be_idle_for(waiter) else 0.0
        if patience <= 0:
            peers.want()
            return False
        self.serve()
        return self._watches(peers, waiter, patience)

    def _may_be_idle_for(self, waiter: Waiter) -> bool:
        """Whether it is in the line now, though that is full for those who wait for calls to end:
        of what others have, some may lie idle."""
        with self.lock:
            may_be = self.waiting < self._most - self._held
            if may_be:
                self.queue.append(waiter)
        return may_be

    def _watches(self, peers: BulkheadPeers, waiter: Waiter, patience: float) -> bool:
        end, left = self._clock.now() + patience, patience
        while left > 0:
            is_all_here = self._held >= self._most  # so nobody else has what it waits for
            if not is_all_here:
                peers.want()
            step = _SELDOM if is_all_here else _LOOK
            if waiter.gate.acquire(timeout=min(left, step)):
                return True
            if self._first() is waiter and self._clock.now() >= self._courteous_until:
                self.fetch()
            left = min(left - step, end - self._clock.now())
        if not self._leave(waiter):
            return True
        self._in_vain_until = self._clock.now() + _IN_VAIN
        return False

    def _take(self, peers: BulkheadPeers, waiter: Waiter) -> bool:
        """One more of the host's, for it."""
        with self.lock:
            if self._held >= self._most:
                return False
            self._held += 1
        if peers.take_place():
            waiter.given = True
            self._peak = max(self._peak, self._held)
            return True
        with self.lock:
            self._held -= 1
        return False

    # -- for the peers -----------------------------------------------------------------------------

    def join(self, peers: BulkheadPeers) -> None:
        """From now on the places are everybody's. Calls that are under way keep theirs; what is
        too many of them ends with them."""
        self._peak = self.peak
        self._peers = peers
        given_up = 0
        while self._has_taken_free():
            given_up += 1
        with self.lock:
            self._held -= given_up
            under_way = self._held
        self._too_many = under_way - sum(peers.take_place() for _ in range(under_way))
        with self.lock:
            self.queue[:0] = [_Wish(None, self._left) for _ in range(self._too_many)]

    def leave(self) -> None:
        """From now on it has places of its own."""
        self._peak = self.peak
        self._peers = None
        with self.lock:
            self.queue[:] = [each for each in self.queue if each.is_here]
            missing, self._held, self._too_many = self._most - self._held, self._most, 0
        self.free[:0] = [FRESH] * missing
        for _ in range(len(self.queue)):
            self.serve()

    def begin_anew(self) -> None:
        """In a process that was forked: the calls are the other's, and so are their places."""
        self.lock = threading.Lock()  # another thread may have had it, and is not there
        self._peers, self._too_many = None, 0
        self._left.clear()
        self.queue.clear()
        self.free[:], self._held = [FRESH] * self._most, self._most

    @property
    def is_held(self) -> bool:
        """Whether this process has any."""
        return self._held > 0

    def fetch(self) -> None:
        """Take what the host has for those who wait here."""
        while (peers := self._peers) is not None and self.waiting:
            taken = Waiter()
            if not self._take(peers, taken):
                return
            with self.lock:
                first = self._first()
                if first is not None:
                    self._give_to(first)
            if first is None:
                self.give_back()

    def freed(self) -> None:
        """Another process has given back what was wanted here."""
        self._in_vain_until = 0.0
        self.fetch()

    def _first(self) -> Waiter | None:
        """The call of this process that has waited longest."""
        return next((each for each in list(self.queue) if each.is_here), None)

    def wanted(self, by: str) -> bool:
        """Another process wants a place; whether some that lay idle are free for it now."""
        if self._give_up_free():
            return True
        with self.lock:
            wishes = [each.by for each in self.queue if isinstance(each, _Wish)]
            if self._held and by not in wishes:
                self.queue.append(_Wish(by, self._left))
        self.serve()  # one may have come free just now
        return False

    def give_back_idle(self) -> None:
        """Let the host have what nobody here has used since the last time."""
        for _ in range(self.free.count(_IDLE)):
            if self._has_taken_free():
                self._give_up(None)
        for place in range(len(self.free)):
            try:
                self.free[place] = _IDLE
            except IndexError:  # it has just been taken
                return

    def _give_up_free(self) -> bool:
        found = False
        while self._has_taken_free():
            self._give_up(None)
            found = True
        return found

    def _has_taken_free(self) -> bool:
        try:
            del self.free[0]  # not the end, which calls use
        except IndexError:
            return False
        return True

    def _hand_over(self) -> None:
        while self._left:
            try:
                by = self._left.popleft()
            except IndexError:  # another thread does it
                return
            if by is not None:
                self._courteous_until = self._clock.now() + _LOOK
            self._give_up(by)

    def _give_up(self, by: str | None) -> None:
        """A place that is neither free here nor in use."""
        with self.lock:
            peers, held, too_many = self._peers, self._held, self._too_many
            if peers is not None:  # none are held where a call has it from before a fork
                self._held, self._too_many = max(0, held - 1), max(0, too_many - 1)
        if peers is None:  # they have left meanwhile
            self.give_back()
        elif held and not too_many:
            peers.give_place(by)
