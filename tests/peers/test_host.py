"""What a process hears in its folder, and from whom."""

import errno
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.peers import HostPeers
from medianest.peers.announcements import Reached
from medianest.peers.codec import encoded
from medianest.peers.messages import News
from medianest.resilience import Registry


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
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for _ in range(3):
        peers = HostPeers(Registry(), tmp_path / "peers")
        peers.start()
        peers.stop()
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before
    assert {each.name for each in (tmp_path / "peers").iterdir()} == {"leader", "places"}
