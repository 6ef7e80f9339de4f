"""What processes show each other by a board in their folder."""

import os
import resource
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from medianest.peers.board import Board
from medianest.peers.host import HostPeers
from medianest.peers.posts import LARGEST, RETIRED, Post, Posts
from medianest.peers.retirement import Retirement
from medianest.resilience import ManualClock, Registry

TOPIC = "counts"


def total(retired: Any, document: Any) -> Any:
    """What is kept of the dead: the sum."""
    if type(document) is not int:
        raise ValueError(document)
    return (retired or 0) + document


@dataclass
class Process:
    """One of those that share a folder, in this process."""

    folder: Path
    server: str = "s"
    count: Any = 0
    made: int = 0
    is_one_of_several: bool = False
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.peers = HostPeers(Registry(), self.folder)
        self.peers.start()
        self.board = Board(
            self.peers, self.folder, self.clock, lambda: self.server, lambda: self.is_one_of_several
        )
        self.board.add(TOPIC, self._make, total)
        self.board.start()

    def _make(self) -> Any:
        self.made += 1
        return self.count

    @property
    def file(self) -> Path:
        return self.folder / f"{self.peers.members()[0]}.{TOPIC}"

    def total(self) -> int:
        """Of all, as one who is asked for it finds it."""
        found = self.board.gather(TOPIC)
        documents = [each.document for each in (*found.others, *found.dead)]
        return sum([found.mine, found.retired or 0, *documents])

    def retirement(self) -> Retirement:
        """As the elected process has it."""
        return Retirement(self.folder, Posts(self.folder, TOPIC), total)

    def die(self) -> None:
        """Without a last word, as after SIGKILL."""
        self.peers.stop()


Begin = Callable[..., Process]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    begun: list[Process] = []

    def make(**options: Any) -> Process:
        begun.append(Process(tmp_path / "peers", **options))
        return begun[-1]

    yield make
    for each in begun:
        each.peers.stop()


def files(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir() if f".{TOPIC}" in each.name}


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


def test_no_sum_goes_backwards_whoever_dies_and_whoever_is_asked(begin: Begin) -> None:
    alive = [begin(count=number) for number in (1, 10, 100)]
    assert alive[2].total() == 111
    for count in range(4):
        alive.pop(0).die()
        assert alive[-1].total() == 111 + count
        for each in alive:
            each.board.look()
        assert alive[0].total() == 111 + count
        alive.append(begin(count=1))
        assert alive[-1].total() == 112 + count
    alive[0].retirement().fold("s", 0.0)  # the next elected one may not know yet that it is
    assert len(files(alive[0].folder)) == 4  # of three that live, and of what is kept


def test_who_ends_shows_it_for_the_last_time(begin: Begin) -> None:
    one, two = begin(count=1), begin(count=2)
    two.count = 50
    two.board.stop()
    two.die()
    assert one.total() == 51
    one.board.look()
    assert one.total() == 51


def test_what_another_server_has_left_is_nobodys(begin: Begin) -> None:
    one, two = begin(count=1, server="before"), begin(count=2, server="before")
    one.total()
    two.die()
    one.board.look()
    one.total()
    one.die()
    new = begin(count=4, server="after", is_one_of_several=True)
    assert new.total() == 4
    new.board.look()
    assert new.total() == 4
    assert files(new.folder) == {new.file.name}


def test_the_dead_are_kept_once_although_two_do_it_at_once(begin: Begin) -> None:
    alive = [begin(count=1) for _ in range(4)]
    alive[0].total()
    for each in alive[:2]:
        each.die()
    barrier = threading.Barrier(8)

    def fold() -> None:
        retirement = alive[2].retirement()
        barrier.wait()
        for _ in range(20):
            retirement.fold("s", 0.0)

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(fold) for _ in range(8)]:
            future.result()
    assert alive[2].board.gather(TOPIC).retired == 2
    assert alive[3].total() == 4


@pytest.mark.parametrize("removed", [0, 1])
def test_who_dies_while_it_keeps_the_dead_counts_none_twice(
    begin: Begin, removed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = [begin(count=number) for number in (1, 10, 100, 1000)]
    alive[0].total()
    for each in alive[2:]:
        each.die()
    remove, done = Posts.remove, list[str]()

    def dies(posts: Posts, name: str) -> None:
        if len(done) == removed:
            raise SystemExit
        done.append(name)
        remove(posts, name)

    with monkeypatch.context() as patch:
        patch.setattr(Posts, "remove", dies)
        with pytest.raises(SystemExit):
            alive[0].board.look()
    assert alive[1].total() == 1111
    for _ in range(2):
        alive[1].retirement().fold("s", 0.0)
        assert alive[1].total() == 1111
    assert files(alive[0].folder) == {alive[0].file.name, alive[1].file.name, f"{RETIRED}.{TOPIC}"}


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


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process may open none."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_where_no_more_files_may_be_open_nothing_is_forgotten(begin: Begin) -> None:
    """Keeps out: what could not be read was taken for none, and the next sum was smaller."""
    one, two, three = begin(count=1), begin(count=20), begin(count=300)
    one.total()
    two.die()
    one.board.look()
    three.die()
    with no_more_files():
        with pytest.raises(OSError, match="open files"):
            one.board.gather(TOPIC)
        one.board.look()
        assert not one.board.is_alone(TOPIC)
    assert one.total() == 321
    one.board.look()
    assert one.total() == 321


def test_who_has_ended_shows_nothing_more(begin: Begin) -> None:
    """Keeps out: it is kept as a dead process's, written again, and counted twice."""
    one, two = begin(count=1), begin(count=20)
    one.total()
    goes_on, begins = threading.Event(), threading.Event()

    def slow() -> Any:
        begins.set()
        goes_on.wait(0.2)
        return 20

    two.board.add(TOPIC, slow, total)
    late = [threading.Thread(target=two.board.publish, args=(TOPIC,)) for _ in range(3)]
    for each in late:
        each.start()
    begins.wait(5)
    two.board.stop()
    two.die()
    one.retirement().fold("s", 0.0)
    goes_on.set()
    for each in late:
        each.join()
    assert one.total() == 21
    assert files(one.folder) == {one.file.name, f"{RETIRED}.{TOPIC}"}
