"""One of those that share a file is elected, and the next when it is gone."""

import os
import signal
from pathlib import Path

import pytest

from medianest.peers.election import Election


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "leader"


def test_one_is_elected_and_stays(file: Path) -> None:
    first, second = Election(file), Election(file)
    assert (first.look(), second.look(), first.look()) == (True, False, True)
    assert (first.is_elected, second.is_elected) == (True, False)


def test_who_resigns_leaves_it_to_the_next(file: Path) -> None:
    first, second = Election(file), Election(file)
    first.look()
    second.look()
    first.resign()
    assert not first.is_elected
    assert second.look()
    assert not first.look()


def test_who_is_killed_leaves_it_at_once(file: Path) -> None:
    ready, done = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(done, b"y" if (held := Election(file)).look() else b"n")
        signal.pause()
        del held
    assert os.read(ready, 1) == b"y"
    other = Election(file)
    assert not other.look()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert other.look()


def test_a_file_that_was_removed_elects_anew_and_one_only(file: Path) -> None:
    first, second = Election(file), Election(file)
    first.look()
    file.unlink()
    assert second.look()
    assert not first.look()


def test_where_there_can_be_no_file_nobody_is_elected(tmp_path: Path) -> None:
    assert not Election(tmp_path / "nowhere" / "leader").look()


def test_a_forked_process_leaves_it_to_its_parent(file: Path) -> None:
    first, second = Election(file), Election(file)
    first.look()
    child = os.fork()
    if child == 0:
        first.resign()
        os._exit(0)
    os.waitpid(child, 0)
    assert first.look()
    assert not second.look()
