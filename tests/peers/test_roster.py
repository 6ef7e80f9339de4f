"""Who of the others says nothing, and how their circuit breakers are."""

import pytest

from medianest.peers.attendance import Attendance
from medianest.peers.codec import decoded, encoded
from medianest.peers.counts import Counts
from medianest.peers.difference import difference
from medianest.peers.membership import LARGEST
from medianest.peers.messages import Message, Shown, States
from medianest.peers.roster import MemberState, Roster
from medianest.peers.shared_breaker import SharedBreaker
from medianest.resilience import CircuitBreaker, ManualClock, Registry, State
from medianest.resilience.circuit_breaker.evidence import Evidence

ME, ONE, TWO = "0.70.aa", "1.71.ab", "2.72.ac"


class Told:
    """A roster, and what it has said."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.registry = Registry(clock=self.clock)
        self.sent: list[Message] = []
        self.roster = Roster(self.registry, lambda: [ME, ONE, TWO], self.send)

    def send(self, message: Message, to: str | None = None) -> None:
        self.sent.append(message)

    def look(self, *heard: str) -> None:
        self.clock.advance(1.0)
        for each in heard:
            self.roster.heard(each, self.clock.now())
        self.roster.look({ONE, TWO}, self.clock.now())

    def silent(self) -> list[str]:
        return [each.name for each in self.roster.members() if each.silent_since is not None]


@pytest.fixture
def told() -> Told:
    return Told()


def test_who_lives_and_says_nothing_is_silent(told: Told) -> None:
    told.look(ONE, TWO)
    last = told.clock.now()
    for _ in range(7):
        told.look(ONE)
    assert told.silent() == []
    told.look(ONE)
    assert told.silent() == ["worker 2 (process 72)"]
    assert told.roster.members()[2].silent_since == last
    told.look(TWO)
    assert told.silent() == []


def test_who_stood_still_itself_has_no_word_about_others(told: Told) -> None:
    """Keeps out: after SIGCONT all others are told as silent."""
    told.look(ONE, TWO)
    told.clock.advance(3600)
    told.look()
    assert told.silent() == []


def test_a_newcomer_is_not_silent() -> None:
    attendance = Attendance()
    attendance.look({ONE}, 100.0)
    assert attendance.silent_since(ONE) is None
    assert attendance.silent_since(TWO) is None


def test_it_says_which_breakers_are_not_closed(told: Told) -> None:
    plex, _ = told.registry.breaker("plex"), told.registry.breaker("other")
    plex.open()
    told.roster.tell()
    (said,) = told.sent
    assert isinstance(said, States)
    assert (said.states, said.is_all) == ({"plex": State.FORCED_OPEN}, True)
    assert (said.of("plex"), said.of("other")) == (State.FORCED_OPEN, State.CLOSED)


def test_what_it_says_fits_into_one_message(told: Told) -> None:
    for number in range(200):
        told.registry.breaker(f"{number} " + "\N{CLAPPER BOARD}" * 90).open()
    told.roster.tell()
    (said,) = told.sent
    assert isinstance(said, States)
    assert len(encoded(ME * 10, said)) <= LARGEST
    assert decoded(encoded(ME, said)) == (ME, said)
    assert (said.is_all, said.of("another")) == (False, None)
    assert len(said.states) > 40


def test_of_two_messages_the_later_one_counts(told: Told) -> None:
    plex = told.registry.breaker("plex")
    told.roster.hear(ONE, States(2, {"plex": State.OPEN}), 5.0)
    told.roster.hear(ONE, States(1, {}), 6.0)
    told.roster.hear(ONE, States(3, {"plex": State.HALF_OPEN}), 7.0)
    here, one, two = told.roster.states_of(plex)
    assert (here.state, one.state, two.state) == (State.CLOSED, State.HALF_OPEN, None)
    assert one.since == 5.0


def test_of_the_dead_nothing_is_known(told: Told) -> None:
    plex = told.registry.breaker("plex")
    told.roster.hear(ONE, States(2, {"plex": State.OPEN}), 5.0)
    told.roster.look({TWO}, 6.0)
    assert told.roster.states_of(plex)[1].state is None


def states(*those: State | None, silent: int = 0) -> list[MemberState]:
    heard = len(those) - silent
    return [
        MemberState(f"worker {number}", state, number >= heard, 0.0)
        for number, state in enumerate(those)
    ]


def test_who_is_in_trouble_alone_is_named() -> None:
    closed, shut, probing = State.CLOSED, State.OPEN, State.HALF_OPEN
    assert difference("plex", states(closed, closed, shut)) == "worker 2 alone cannot reach plex"
    assert difference("plex", states(closed, probing)) == "worker 1 alone cannot reach plex"
    assert difference("plex", states(closed, None)) is None
    assert difference("plex", states(shut, probing)) is None
    assert difference("plex", states(closed, closed, shut, silent=1)) is None
    assert difference("plex", states(*[shut] * 5, closed)) == (
        "plex: closed in worker 5; open in worker 0, worker 1, worker 2 and 2 more"
    )
    assert difference("plex", states(State.FORCED_OPEN, closed, State.FORCED_OPEN)) == (
        "plex: closed in worker 1; forced open in worker 0, worker 2"
    )


def test_votes_and_their_answers_are_counted() -> None:
    counts = Counts()
    breaker = CircuitBreaker("plex", failure_threshold=1)
    shared = SharedBreaker(breaker, "me", lambda: [ONE, TWO], lambda *message: True, counts)
    breaker.joint.join(_Nobody())
    with pytest.raises(ConnectionError):
        breaker.call(_fail)
    shared.opened(10.0)
    shared.hear(ONE, Shown("plex", Evidence()), 10.1)
    shared.tick(10.3)
    for _ in range(2):
        shared.hear(TWO, Shown("plex", Evidence()), 10.4)
    assert [counts.of(each) for each in ("asked", "answered", "silent", "late")] == [1, 1, 1, 1]


class _Nobody:
    def failed(self) -> None: ...
    def take_place(self) -> bool:
        return True

    def give_place(self) -> None: ...
    def passed(self) -> None: ...


def _fail() -> None:
    raise ConnectionError
