"""The circuit breakers of a host as one, for who speaks with other hosts."""

from __future__ import annotations

from collections.abc import Callable

from medianest.peers.elsewhere import OpenHere
from medianest.peers.messages import Elsewhere
from medianest.peers.ties import Ties
from medianest.resilience import Clock
from medianest.resilience.circuit_breaker.joint import Opening

__all__ = ["HostBreakers"]

_MYSELF = ""


class HostBreakers:
    """What is done is done a little later, by the listening thread. Thread-safe."""

    def __init__(
        self,
        ties: Ties,
        clock: Clock,
        later: Callable[[Callable[[float], object]], None],
        send: Callable[..., object],
    ) -> None:
        self._ties, self._clock, self._later, self._send = ties, clock, later, send

    def on_news(self, act: Callable[[], None]) -> None:
        """Call it when others may have to hear of one, in any thread; it waits for nothing."""
        self._ties.on_news = act

    def open_now(self) -> dict[str, OpenHere] | None:
        """Those that are open, by name; None: this process cannot tell now."""
        return self._ties.open_now(self._clock.now())

    def tell(self, said: Elsewhere) -> None:
        """All processes of this host are to know it of the other hosts."""

        def told(now: float) -> None:
            self._send(said)
            self._ties.hear(_MYSELF, said, now)

        self._later(told)

    def probe_now(self, name: str) -> None:
        """The dependency has come back for another host."""

        def told(now: float) -> None:
            if (shared := self._ties.find(name)) is not None:
                shared.probe_now(now)

        self._later(told)

    def restore(self, name: str, opening: Opening) -> None:
        """So it was before all processes of this host were started anew."""

        def told(now: float) -> None:
            if (shared := self._ties.find(name)) is not None:
                shared.restore(opening, now)

        self._later(told)
