"""Who joins hears of all breakers, however few messages there is room for."""

from medianest.peers.messages import Message, Standing
from medianest.peers.shared_breaker import SharedBreaker
from medianest.peers.unmet import Unmet
from medianest.peers.welcome import Welcome
from medianest.resilience import CircuitBreaker, State
from medianest.resilience.circuit_breaker.joint import Opening

NEW = "5.50.e"
NAMES = [f"service {number}" for number in range(5)]


class Narrow:
    """A socket with room for so many messages."""

    def __init__(self, room: int) -> None:
        self.room, self.sent = room, list[Message]()
        self.breakers = [self._open(name) for name in NAMES]

    def _open(self, name: str) -> SharedBreaker:
        shared = SharedBreaker(CircuitBreaker(name), "1.10.a", list, self.send)
        shared.hear("2.20.b", standing(name, 3), 0.0)
        return shared

    def send(self, message: Message, to: str | None = None) -> bool:
        if self.room > len(self.sent):
            self.sent.append(message)
            return True
        return False


def standing(name: str, number: int) -> Standing:
    return Standing(name, number, "2.20.b", Opening(10.0**9, 1))


def test_it_goes_on_where_there_was_no_more_room() -> None:
    narrow, welcome = Narrow(2), Welcome()
    for room in (2, 4):
        narrow.room = room
        assert not welcome.tell(NEW, narrow.breakers)
    narrow.room = 6
    assert welcome.tell(NEW, narrow.breakers)
    told = [each.breaker for each in narrow.sent if isinstance(each, Standing)]
    assert sorted(told) == NAMES


def test_who_is_gone_is_told_no_more() -> None:
    narrow, welcome = Narrow(4), Welcome()
    assert not welcome.tell(NEW, narrow.breakers)
    welcome.keep({"6.60.f"})
    narrow.room = 8
    assert not welcome.tell(NEW, narrow.breakers)  # from the beginning


def test_of_what_is_said_of_a_later_breaker_the_newest_counts() -> None:
    unmet = Unmet()
    for number in (2, 3, 1):
        unmet.note(standing("plex", number))
    shared = SharedBreaker(CircuitBreaker("plex"), "1.10.a", list, lambda *message: True)
    unmet.meet(shared, 0.0)
    assert (shared.standing.number, shared.breaker.state) == (3, State.OPEN)


def test_of_very_many_the_latest_are_remembered() -> None:
    """Keeps out: memory without a bound, filled by whoever makes breakers of many names."""
    unmet = Unmet()
    for number in range(1_001):
        unmet.note(standing(f"service {number}", 1))
    for number, state in ((0, State.CLOSED), (1, State.OPEN), (1_000, State.OPEN)):
        breaker = CircuitBreaker(f"service {number}")
        unmet.meet(SharedBreaker(breaker, "1.10.a", list, lambda *message: True), 0.0)
        assert breaker.state is state, number
