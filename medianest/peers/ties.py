"""The circuit breakers of one process, tied to those of the same names in others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from medianest.peers.counts import Counts
from medianest.peers.elsewhere import OpenHere
from medianest.peers.messages import OfBreakers, Standing, WantsProbe
from medianest.peers.port import Later, Port
from medianest.peers.seat import Seat
from medianest.peers.shared_breaker import SharedBreaker
from medianest.peers.unmet import Unmet
from medianest.peers.welcome import Welcome
from medianest.resilience import CircuitBreaker, Registry, State
from medianest.resilience.events import BreakerAdded, StateChanged, breaker_added, state_changed

__all__ = ["Ties"]

_CLOSINGS: Final = frozenset({"probes_passed", "close", "reset", "enable", "expired"})


class Ties:
    """Those of a registry. `later(act)` has the listening thread do `act(now)`; `send` is that of
    SharedBreaker. What is not said to be of all threads is the listening thread's."""

    def __init__(
        self, registry: Registry, later: Later, send: Callable[..., bool], counts: Counts
    ) -> None:
        self._registry, self._later, self._send, self._counts = registry, later, send, counts
        self._seat: Seat | None = None
        self._shared: dict[str, SharedBreaker] = {}
        self._unmet, self._welcome = Unmet(), Welcome()
        self._waiting: set[SharedBreaker] = set()
        """Those that have to look at the time."""
        self.on_news: Callable[[], None] = lambda: None
        """Called when other hosts may have to hear of one."""
        self.has_changed = False
        """Whether the state of one has, since somebody last set this to False."""

    # -- its life, in any thread -------------------------------------------------------------------

    def join(self, seat: Seat) -> None:
        """Tie all that there are, and those that come."""
        self._seat = seat
        state_changed.connect(self._on_change)
        breaker_added.connect(self._on_added)
        for breaker in self._registry.breakers():
            self._tie(breaker)

    def leave(self) -> None:
        """What they are then, they stay. Not before the listening thread has ended."""
        state_changed.disconnect(self._on_change)
        breaker_added.disconnect(self._on_added)
        for shared in self._shared.values():
            shared.breaker.joint.leave()
        self.forget()

    def forget(self) -> None:
        """In a process that was forked: they were tied for another one."""
        self._seat = None
        for known in (self._shared, self._waiting, self._unmet):
            known.clear()

    # -- what happens here, in the threads of calls ------------------------------------------------

    def _on_added(self, event: BreakerAdded) -> None:
        breaker = self._registry.find_breaker(event.name)
        if breaker is not None:
            self._tie(breaker)

    def _tie(self, breaker: CircuitBreaker) -> None:
        seat = self._seat
        if seat is None:
            return  # this process is leaving
        known = self._shared.get(breaker.name)
        if known is None or known.breaker is not breaker:
            me, now = seat.membership, self._registry.clock.now
            shared = SharedBreaker(breaker, me.name, me.others, self._send, self._counts)
            breaker.joint.join(
                Port(shared, seat.places, now, self._later, self._failed, self._wants)
            )
            self._unmet.meet(shared, now())
            self._shared[breaker.name] = shared

    def _on_change(self, event: StateChanged) -> None:
        shared = self._shared.get(event.name)
        if shared is None or not shared.breaker.is_origin_of(event):
            return
        if event.after == State.OPEN:
            self._later(lambda now: self._changed(lambda: shared.opened(now), shared))
        elif event.trigger in _CLOSINGS:
            self._later(lambda now: self._changed(shared.closed, shared))
        else:
            self._later(lambda now: self._changed(lambda: None, shared))

    # -- what other hosts are to know, in any thread -----------------------------------------------

    def open_now(self, now: float) -> dict[str, OpenHere] | None:
        """Those that are open for all processes of this host, by name; None: this process is none
        of them now."""
        seat = self._seat
        if seat is None:
            return None
        found: dict[str, OpenHere] = {}
        for name, shared in self._shared.copy().items():
            if (opening := shared.standing.opening) is not None:
                most = shared.breaker.options.half_open_max_calls
                probes = seat.places.taken(shared.rounds(now), most)
                found[name] = OpenHere(opening, probes, shared.hosts.wanted_at)
        return found

    def find(self, name: str) -> SharedBreaker | None:
        """One of them."""
        return self._shared.get(name)

    # -- the listening thread ----------------------------------------------------------------------

    @property
    def are_waiting(self) -> bool:
        """Whether any has to look at the time soon."""
        return bool(self._waiting)

    def _failed(self, shared: SharedBreaker, now: float) -> None:
        shared.failed(now)
        self._look_after(shared)

    def _wants(self, shared: SharedBreaker, now: float) -> None:
        if shared.wanted(now):
            self.on_news()

    def _changed(self, tell: Callable[[], None], shared: SharedBreaker) -> None:
        self.has_changed = True
        tell()
        self._look_after(shared)
        self.on_news()

    def _look_after(self, shared: SharedBreaker) -> None:
        if shared.is_waiting:
            self._waiting.add(shared)

    def hear(self, sender: str, message: OfBreakers, now: float) -> None:
        """One of the others says something of one."""
        shared = self._shared.get(message.breaker)
        if shared is not None:
            shared.hear(sender, message, now)
            self._look_after(shared)
            if isinstance(message, WantsProbe):
                self.on_news()
        elif isinstance(message, Standing):
            self._unmet.note(message)

    def tick(self, now: float) -> None:
        """Time has passed."""
        for shared in list(self._waiting):
            shared.tick(now)
            if not shared.is_waiting:
                self._waiting.discard(shared)

    def welcome(self, who: str) -> bool:
        """Say how each stands, to one who is new; whether that is all. If not, it asks again. Of
        other hosts it hears when these are looked at, which is to be now."""
        self.on_news()
        return self._welcome.tell(who, self._shared.copy().values())

    def look(self, seat: Seat, now: float) -> None:
        """Say how each stands, for those who have missed it; forget what is gone."""
        self._welcome.keep(seat.membership.others())
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
