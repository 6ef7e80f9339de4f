"""What a process hears in its folder, and from whom."""

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.peers import HostPeers
from medianest.peers.announcements import Reached
from medianest.peers.codec import encoded
from medianest.peers.messages import News
from medianest.resilience import CircuitOpenError, Registry, State
from tests.support.leftovers import Leftovers
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until


@pytest.fixture
def both(tmp_path: Path) -> Iterator[list[HostPeers]]:
    made = [HostPeers(Registry(), tmp_path / "peers") for _ in range(2)]
    for each in made:
        each.start()
    yield made
    for each in made:
        each.stop()


def send(to: HostPeers, folder: Path, data: bytes) -> None:
    """As anybody can who may write into the folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(data, str(folder / f"{to.members()[0]}.sock"))


def test_who_is_no_member_is_not_heard(
    both: list[HostPeers], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = both
    acted: list[str] = []
    one.announcements.on("news", lambda: not acted.append("done"))
    for name in ("a\0b", "\ud800", "../../elsewhere", "1.77.abcdef01"):
        send(one, tmp_path / "peers", encoded(name, News("news", "k")))
    send(one, tmp_path / "peers", b"\0" * 60_001)
    assert two.announcements.announce("news", 10).silent == ()
    assert acted == ["done"]
    assert not caplog.messages


def test_a_folder_that_was_removed_is_made_anew(both: list[HostPeers], tmp_path: Path) -> None:
    """Keeps out: each was alone from then on, and said that 1 of 1 obeys."""
    (tmp_path / "peers").rename(tmp_path / "removed")  # at once: they still clear away in it
    for each in both:
        each.job().run()
    one, two = both
    two.announcements.on("news", lambda: True)
    assert one.announcements.announce("news", 10) == Reached(2, 2)
    assert {*one.members()} == {*two.members()}


@pytest.mark.parametrize(
    ("fails", "why"),
    [(None, "longer than the 107 bytes"), ("fcntl.flock", "No locks"), ("os.open", "No locks")],
)
def test_why_it_cannot_be_shared_is_told_once(
    fails: str | None,
    why: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is tried again every minute, by another name each time."""

    def refuse(path: Any, *_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available", path)

    if fails is not None:
        monkeypatch.setattr(fails, refuse)
    peers = HostPeers(Registry(), tmp_path / ("peers" if fails else "long" * 40))
    for _ in range(3):
        peers.job().run()
    assert why in (peers.problem or "")
    assert len(caplog.messages) == 1


def test_it_leaves_nothing_open(tmp_path: Path) -> None:
    left = Leftovers()
    for _ in range(3):
        peers = HostPeers(Registry(), tmp_path / "peers")
        peers.start()
        peers.stop()
    assert (left.files, left.threads) == (0, 0)
    assert {each.name for each in (tmp_path / "peers").iterdir()} == {
        "bulkheads",
        "leader",
        "places",
    }


OPTIONS: dict[str, Any] = {"failure_threshold": 1, "counting": "consecutive"}


def open_alone(peers: HostPeers, registry: Registry, *names: str, **options: Any) -> None:
    """Each by a call that fails; and the listening thread has seen to it."""
    for name in names:
        with pytest.raises(ConnectionError):
            registry.breaker(name, **OPTIONS, **options).call(_fail)
    seen = threading.Event()
    peers.later(lambda now: seen.set())
    assert seen.wait(10)


def _fail() -> None:
    raise ConnectionError


@pytest.fixture
def starts(tmp_path: Path) -> Iterator[Callable[[Registry], HostPeers]]:
    made: list[HostPeers] = []

    def start(registry: Registry) -> HostPeers:
        made.append(HostPeers(registry, tmp_path / "peers"))
        made[-1].start()
        return made[-1]

    yield start
    for each in made:
        each.stop()


def test_who_joins_knows_what_is_open_when_its_start_is_over(
    starts: Callable[[Registry], HostPeers],
) -> None:
    """Also of more breakers than the messages for which a socket has room, and of those that it
    makes later. Keeps out: a new worker that called what was known to be down."""
    old, new = Registry(), Registry()
    names = [f"service {number}" for number in range(40)]
    open_alone(starts(old), old, *names)
    early = new.breaker(names[0], **OPTIONS)
    starts(new)  # it waits
    for breaker in (early, *(new.breaker(name, **OPTIONS) for name in names[1:])):
        seen, known = breaker.snapshot(), old.breaker(breaker.name).snapshot()
        assert (seen.state, seen.openings_in_a_row) == (known.state, known.openings_in_a_row)
        assert not_none(seen.retry_after) == pytest.approx(not_none(known.retry_after), abs=1)


def test_who_joins_makes_no_more_probes_than_there_may_be(
    starts: Callable[[Registry], HostPeers],
) -> None:
    soon: dict[str, Any] = {"reset_timeout": 0.001, "jitter": 0.0, "half_open_max_calls": 2}
    old, new = Registry(), Registry()
    open_alone(starts(old), old, "plex", **soon)
    first = old.breaker("plex", **OPTIONS, **soon)
    wait_until(lambda: first.snapshot().retry_after == 0.0)
    first.acquire()
    starts(new)
    second = new.breaker("plex", **OPTIONS, **soon)
    second.acquire()
    assert first.state is second.state is State.HALF_OPEN
    for full in (first, second):
        with pytest.raises(CircuitOpenError):
            full.acquire()


def test_one_that_shares_no_places_has_those_of_its_bulkheads_for_itself(tmp_path: Path) -> None:
    """Keeps out: a single worker that asked the system for each place, and got slower by it."""
    registry = Registry()
    bulkhead = registry.bulkhead("plex", max_concurrent=2, scope="host")
    shares: list[bool] = []
    peers = HostPeers(registry, tmp_path / "peers", shares_places=lambda: bool(shares))
    for scope in ("process", "host"):
        peers.start()
        assert bulkhead.snapshot().scope == scope
        peers.stop()
        assert bulkhead.snapshot().scope == "process"
        shares.append(True)
