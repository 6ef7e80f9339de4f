"""The breakers of a host as who speaks with other hosts sees them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from medianest.peers import HostPeers
from medianest.peers.messages import Elsewhere
from medianest.resilience import CircuitBreaker, CircuitOpenError, ManualClock, Registry, State
from medianest.resilience.circuit_breaker.joint import Opening
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until


class Host:
    """One process, whose breaker is open, and it is for another host to probe."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        registry = Registry(clock=clock)
        self.clock, self.peers = clock, HostPeers(registry, folder)
        self.plex: CircuitBreaker = registry.breaker("plex", reset_timeout=1.0, jitter=0.0)
        self.peers.start()
        self.news = 0
        self.peers.breakers.on_news(self._count)

    def _count(self) -> None:
        self.news += 1

    def settle(self) -> None:
        """The listening thread has done what there was to do."""
        done = threading.Event()
        self.peers.later(lambda now: done.set())
        assert done.wait(10)

    def trip(self) -> None:
        while self.plex.state is State.CLOSED:
            self.plex.acquire().failure(ConnectionError())
        self.settle()

    def bar(self) -> None:
        self.trip()
        self.clock.advance(1.1)
        now = self.clock.now()
        self.peers.breakers.tell(Elsewhere("plex", now, now + 2.5))
        self.settle()

    def call(self) -> None:
        with pytest.raises(CircuitOpenError):
            self.plex.acquire()
        self.settle()


@pytest.fixture
def host(tmp_path: Path, clock: ManualClock) -> Iterator[Host]:
    made = Host(tmp_path / "peers", clock)
    yield made
    made.peers.stop()


def test_a_wish_is_news_once_and_again_before_it_ends(host: Host) -> None:
    """Keeps out: a look at Redis or PostgreSQL for each call that was refused."""
    host.bar()
    before = host.news
    for _ in range(20):
        host.call()
    assert host.news - before == 1
    wished = not_none(host.peers.breakers.open_now())["plex"].wanted_at
    assert wished == host.clock.now()
    host.clock.advance(0.9)
    host.call()
    assert host.news - before == 2
    assert not_none(host.peers.breakers.open_now())["plex"].wanted_at == pytest.approx(wished + 0.9)


def test_who_joins_is_told_of_other_hosts_at_once(host: Host, tmp_path: Path) -> None:
    """Keeps out: a new worker that probed for a second though it was for another host to do so."""
    before = host.news
    other = HostPeers(Registry(clock=host.clock), tmp_path / "peers")
    other.start()
    try:
        host.settle()
        assert host.news > before
    finally:
        other.stop()


def test_what_has_come_back_elsewhere_is_not_waited_for(host: Host) -> None:
    host.trip()
    host.peers.breakers.probe_now("plex")
    host.settle()
    host.plex.acquire().success()


def test_what_was_open_before_the_start_is_open_again_once(host: Host) -> None:
    until = host.clock.now() + 50.0
    host.peers.breakers.restore("plex", Opening(until, 3, "away"))
    host.peers.breakers.restore("plex", Opening(until + 50.0, 9, "away"))
    host.settle()
    assert host.plex.state is State.OPEN
    assert not_none(host.peers.breakers.open_now())["plex"].opening == Opening(until, 3, "away")


def test_all_workers_hear_of_other_hosts(host: Host, tmp_path: Path) -> None:
    registry = Registry(clock=host.clock)
    other = HostPeers(registry, tmp_path / "peers")
    plex = registry.breaker("plex", reset_timeout=1.0, jitter=0.0)
    host.trip()  # while nobody else is there to judge
    other.start()
    try:
        wait_until(lambda: plex.state is State.OPEN)
        host.bar()
        host.settle()
        other.catch_up(10)
        with pytest.raises(CircuitOpenError):
            plex.acquire()
    finally:
        other.stop()
