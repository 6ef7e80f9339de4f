"""What processes show each other by a board in their folder."""

import os
from pathlib import Path

import pytest

from medianest.peers.board import Board
from medianest.peers.host import HostPeers
from medianest.peers.posts import LARGEST, Post, Posts
from medianest.resilience import ManualClock, Registry
from tests.peers.boarding import TOPIC, Begin, files


def test_who_gathers_sees_what_all_show_now(begin: Begin) -> None:
    one, two = begin(count=1), begin(count=20)
    assert one.total() == two.total() == 21
    one.count, two.count = 5, 70
    two.clock.advance(0.1)
    found = one.board.gather(TOPIC)
    assert (found.mine, [each.document for each in found.others]) == (5, [70])
    assert found.silent == ()


def test_what_is_young_enough_is_not_asked_for_anew(begin: Begin) -> None:
    one, two = begin(count=1), begin(count=2)
    one.clock = two.clock
    assert one.total() == 3
    made = one.made, two.made
    one.board.gather(TOPIC, younger_than=1.0)
    assert (one.made, two.made) == made


def test_who_is_alone_writes_nothing(begin: Begin) -> None:
    """Keeps out: a disk that never sleeps, where one worker is all there is."""
    only = begin(count=3)
    assert only.total() == 3
    assert only.board.gather(TOPIC).is_alone
    only.board.look()
    only.board.stop()
    assert files(only.folder) == set()


def test_one_of_several_is_on_file_before_the_others_come(begin: Begin) -> None:
    """Keeps out: it is asked, killed, and what it told of is gone."""
    first = begin(count=3, is_one_of_several=True)
    assert first.total() == 3
    first.die()
    assert begin(count=1).total() == 4


def test_while_nobody_looks_nothing_is_written(begin: Begin) -> None:
    one, two = begin(), begin()
    for each in (one, two):
        each.board.look()
    assert files(one.folder) == set()
    one.board.gather(TOPIC)
    two.count = 7
    two.clock.advance(59)
    two.board.look()
    assert Posts(one.folder, TOPIC).read(two.peers.members()[0]).document == 7  # type: ignore[union-attr]
    made = two.made
    two.clock.advance(2)
    two.board.look()
    assert two.made == made


def test_a_file_that_is_cut_off_anywhere_costs_itself_only(begin: Begin) -> None:
    one, two, three = begin(count=1), begin(count=20), begin(count=300)
    one.total()
    whole, posts = two.file.read_bytes(), Posts(one.folder, TOPIC)
    for end in range(len(whole)):
        two.file.write_bytes(whole[:end])
        assert posts.read(two.peers.members()[0]) is None
    two.die()
    three.die()
    assert one.total() == 301
    one.board.look()
    assert one.total() == 301


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\xff",
        b"[" * 100_000,
        b"1" * 5000,
        b'{"v":1}',
        b'{"v":2,"from":"%s","server":"s","at":1,"folded":[],"document":5}',
        b'{"v":1,"from":"another","server":"s","at":1,"folded":[],"document":5}',
        b'{"v":1,"from":"%s","server":"s","at":"x","folded":[],"document":5}',
        b'{"v":1,"from":"%s","server":"s","at":1,"folded":[[]],"document":5}',
        b" " * (LARGEST + 1),
        None,
    ],
)
def test_a_strangers_file_costs_itself_only(begin: Begin, data: bytes | None) -> None:
    one, name = begin(count=1), ".1.abcdef01"
    path = one.folder / f"{name}.{TOPIC}"
    if data is None:
        os.mkfifo(path)
    else:
        path.write_bytes(data.replace(b"%s", name.encode()))
    assert one.total() == 1
    one.board.look()
    assert one.total() == 1


def test_a_document_of_another_kind_costs_itself_only(begin: Begin) -> None:
    one, two = begin(count=1), begin(count="many")
    one.board.gather(TOPIC)
    two.die()
    one.board.look()
    assert one.total() == 1


def test_a_document_that_is_too_large_is_complained_of_once(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = begin(count=1), begin(count="x" * LARGEST)
    for _ in range(3):
        assert not two.board.publish(TOPIC)
    found = one.board.gather(TOPIC)
    assert (found.others, len(found.silent)) == ((), 1)
    assert len(caplog.messages) == 1


def test_who_is_silent_has_shown_it_before(begin: Begin) -> None:
    one, two = begin(count=1), begin(count=2)
    one.total()
    two.count = "it cannot be made"
    two.peers.announcements.on(f"board {TOPIC}", lambda: False)  # as if it stood still
    found = one.board.gather(TOPIC)
    assert [each.document for each in found.others] == [2]
    assert len(found.silent) == 1


def test_where_nothing_can_be_shared_each_is_alone(tmp_path: Path) -> None:
    peers = HostPeers(Registry(), tmp_path / ("long" * 40))
    peers.start()
    board = Board(peers, tmp_path, ManualClock())
    board.add(TOPIC, lambda: 3)
    board.start()
    assert board.gather(TOPIC).is_alone
    assert not board.publish(TOPIC)


def test_who_was_forked_shows_nothing_before_it_starts(begin: Begin) -> None:
    """Keeps out: what it has of its parent is counted twice."""
    one, two = begin(count=1), begin(count=2)
    reads, writes = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writes, b"yes" if two.board.publish(TOPIC) else b"no")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reads, 9) == b"no"
    assert one.total() == 3
    os.close(reads)
    os.close(writes)


def test_a_post_says_whose_it_is(tmp_path: Path) -> None:
    posts = Posts(tmp_path, TOPIC)
    posts.write(Post("a", "s", 1.5, {"x": 1}, ("b",)))
    assert posts.read("a") == Post("a", "s", 1.5, {"x": 1}, ("b",))
    assert posts.names() == ["a"]
    (tmp_path / f"a.{TOPIC}").rename(tmp_path / f"c.{TOPIC}")
    assert posts.read("c") is None
