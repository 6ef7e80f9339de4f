"""What processes of one folder know of each other."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from medianest.peers import HostPeers
from medianest.resilience import Registry, State
from tests.support.waiting import wait_until


class Worker:
    """One of them."""

    def __init__(self, folder: Path, label: str) -> None:
        self.registry = Registry()
        self.plex = self.registry.breaker("plex")
        self.peers = HostPeers(self.registry, folder, lambda: label)
        self.peers.announcements.on("open", self.open)

    def open(self) -> bool:
        self.plex.open()
        return True

    def seen(self) -> list[State | None]:
        """In each process, as far as this one knows."""
        return [each.state for each in self.peers.roster.states_of(self.plex)]


@pytest.fixture
def three(tmp_path: Path) -> Iterator[list[Worker]]:
    made = [Worker(tmp_path / "peers", str(number)) for number in range(3)]
    for each in made:
        each.peers.start()
    yield made
    for each in made:
        each.peers.stop()


def test_what_was_acknowledged_everybody_knows(three: list[Worker]) -> None:
    """Keeps out: right after "3 of 3 obey" a third one says that somebody does not."""
    three[0].open()
    assert three[0].peers.announcements.announce("open", 10).silent == ()
    assert three[0].seen() == [State.FORCED_OPEN] * 3
    for each in three[1:]:
        each.peers.catch_up(10)
        assert each.seen() == [State.FORCED_OPEN] * 3


def test_a_change_is_told_at_once(three: list[Worker]) -> None:
    wait_until(lambda: three[1].seen() == [State.CLOSED] * 3)
    three[0].open()
    wait_until(lambda: State.FORCED_OPEN in three[1].seen(), 0.9)


def test_who_stood_still_does_what_news_may_have_asked_for(three: list[Worker]) -> None:
    """Keeps out: its socket was full of how the others' breakers are, and news found no room.
    Its thread is held up, as SIGSTOP does to all of them."""
    held, acted = threading.Event(), threading.Event()

    def act() -> bool:
        acted.set()
        return True

    def hold(now: float) -> None:
        held.wait(2.1)
        acted.clear()

    three[0].peers.announcements.on("news", act)
    three[0].peers.later(hold)
    wait_until(lambda: not acted.is_set())
    assert acted.wait(10)


def test_messages_are_counted(three: list[Worker]) -> None:
    one, two = three[0].peers, three[1].peers
    one.roster.tell("9.99.dead")
    assert one.counts.of("lost") == 1
    before = two.counts.of("received")
    one.roster.tell(two.members()[0])
    assert one.counts.of("sent") > 0
    wait_until(lambda: two.counts.of("received") > before)


def test_alone_nobody_waits(tmp_path: Path) -> None:
    worker = Worker(tmp_path / "peers", "0")
    worker.peers.catch_up(10)
    assert worker.seen() == []
    worker.peers.start()
    worker.peers.catch_up(10)
    assert worker.seen() == [State.CLOSED]
    worker.peers.stop()
