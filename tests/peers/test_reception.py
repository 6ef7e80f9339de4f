"""The elected process answers for all, and the next one in its place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from medianest.peers import HostPeers
from medianest.peers.reception import Reception
from medianest.resilience import Registry, SystemClock
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until


class Worker:
    """What each process has."""

    def __init__(self, folder: Path, name: bytes) -> None:
        self.peers = HostPeers(Registry(), folder)
        self.reception = Reception(self.peers, folder, SystemClock())
        self.reception.answer = lambda question: question + name
        self.peers.start()

    def stop(self) -> None:
        """In the order in which a server does it."""
        not_none(self.reception.job().at_end)()
        self.peers.stop()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[list[Worker]]:
    made = [Worker(tmp_path / "peers", name) for name in (b"first", b"second")]
    wait_until(lambda: all(len(each.peers.members()) == 2 for each in made))
    yield made
    for each in made:
        each.stop()


def test_who_is_elected_answers_and_the_next_one_after_it(both: list[Worker]) -> None:
    first, second = both
    assert first.reception.elected() is None
    relay = not_none(second.reception.elected())
    assert relay.ask(b"by ") is None  # there is no desk yet
    for each in both:
        each.reception.keep()
    assert relay.ask(b"by ") == b"by first"
    first.stop()
    assert relay.ask(b"by ") is None
    wait_until(lambda: second.peers.is_elected)
    first.peers.start()
    wait_until(lambda: len(second.peers.members()) == 2)
    second.reception.keep()
    assert second.reception.elected() is None
    assert not_none(first.reception.elected()).ask(b"by ") == b"by second"


def test_one_process_alone_has_no_desk(tmp_path: Path) -> None:
    """One worker is the default: it has neither a socket nor a thread for others."""
    alone = Worker(tmp_path / "peers", b"alone")
    alone.reception.keep()
    assert not (tmp_path / "peers" / "looks").exists()
    assert alone.reception.elected() is None
    alone.stop()


def test_a_desk_that_cannot_be_opened_harms_nobody(both: list[Worker], tmp_path: Path) -> None:
    (tmp_path / "peers" / "looks").mkdir()
    first, second = both
    first.reception.keep()
    assert not_none(second.reception.elected()).ask(b"by ") is None
    assert [each.name for each in (tmp_path / "peers").glob("looks*")] == ["looks"]
