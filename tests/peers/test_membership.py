"""Which processes share a folder, and what they leave when they die."""

import errno
import fcntl
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from medianest.peers.membership import Membership, called

Join = Callable[..., Membership]


@pytest.fixture
def join(tmp_path: Path) -> Iterator[Join]:
    members = []

    def make(label: str | None = None) -> Membership:
        members.append(Membership(tmp_path / "peers", label))
        return members[-1]

    yield make
    for each in members:
        each.close()


def test_they_see_each_other(join: Join) -> None:
    one, two = join(), join()
    assert one.look() == {two.name}
    assert two.others() == {one.name}
    two.close()
    assert one.look() == set()


def test_what_the_dead_have_left_is_cleared_away(join: Join, tmp_path: Path) -> None:
    one = join()
    dead = join()
    dead.abandon()  # as the kernel closes what a process had
    assert len(list((tmp_path / "peers").iterdir())) == 4
    assert one.look() == set()
    assert len(list((tmp_path / "peers").iterdir())) == 2


def test_a_message_arrives_as_a_whole_or_not_at_all(join: Join) -> None:
    one, two = join(), join()
    assert one.send(b"a message", two.name)
    assert list(two.received()) == [b"a message"]
    assert list(two.received()) == []
    two.close()
    assert not one.send(b"another", two.name)


def test_who_does_not_listen_holds_nobody_up(join: Join) -> None:
    one, still = join(), join()
    sent = [one.send(b"x" * 1000, still.name) for _ in range(1000)]
    assert not all(sent)


def test_its_folder_is_private(join: Join, tmp_path: Path) -> None:
    join()
    assert (tmp_path / "peers").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("folder", "why"), [("file", "exists"), ("long" * 40, "than the 107")])
def test_where_there_can_be_none_it_says_so(tmp_path: Path, folder: str, why: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=why):
        Membership(tmp_path / folder)
    assert not list(tmp_path.glob("*/*.lock"))


def test_people_call_a_worker_by_its_number(join: Join) -> None:
    assert called(join("2").name) == f"worker 2 (process {os.getpid()})"
    assert called(join().name) == f"process {os.getpid()}"


def test_a_folder_without_locks_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again every minute, for as long as the process lives."""

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    before = open_files()
    for _ in range(3):
        with pytest.raises(OSError, match="No locks"):
            Membership(tmp_path / "peers")
    assert list((tmp_path / "peers").iterdir()) == []
    assert open_files() == before


def test_who_cannot_open_any_file_takes_nobody_for_dead(join: Join, tmp_path: Path) -> None:
    one, two = join(), join()
    one.look()
    with no_more_files(at_once=True):
        assert one.look() == {two.name}
    with no_more_files(at_once=False):
        assert one.look() == {two.name}
    assert two.look() == {one.name}
    assert one.look() == {two.name}


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def no_more_files(*, at_once: bool) -> Iterator[None]:
    """As in a process that has as many connections as it may, or gets them while it looks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = os.open
    top = os.dup(0)
    os.close(top)

    def refused(path: Path, flags: int) -> int:
        resource.setrlimit(resource.RLIMIT_NOFILE, (top, hard))
        return opened(path, flags)

    with pytest.MonkeyPatch.context() as patch:
        if at_once:
            resource.setrlimit(resource.RLIMIT_NOFILE, (top, hard))
        else:
            patch.setattr(os, "open", refused)
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
