"""What a breaker leaves for the listening thread, and when it does so again."""

from collections.abc import Callable
from pathlib import Path

from medianest.peers.places import Places
from medianest.peers.port import Port
from medianest.peers.shared_breaker import SharedBreaker
from medianest.resilience import CircuitBreaker, ManualClock


def test_word_that_was_lost_is_left_again(clock: ManualClock, tmp_path: Path) -> None:
    """Keeps out: a process that never again tells the others of a failure, as what was left for a
    thread that stood still had no room."""
    breaker = CircuitBreaker("plex", clock=clock)
    shared = SharedBreaker(breaker, "me", list, lambda message, to=None: True)
    left: list[Callable[[float], object]] = []
    heard: list[float] = []

    def see_to(shared: SharedBreaker, now: float) -> None:
        heard.append(now)

    places = Places(tmp_path / "places")
    port = Port(shared, places, clock.now, left.append, see_to, see_to)
    for _ in range(1_000):
        port.failed()
    assert len(left) == 1
    left.clear()  # it is lost
    clock.advance(0.9)
    port.failed()
    assert not left
    clock.advance(0.2)
    port.failed()
    left.pop()(clock.now())
    assert heard == [clock.now()]
    port.failed()
    assert len(left) == 1
    places.close()
