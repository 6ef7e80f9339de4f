"""What the dead have counted is kept, and counted once."""

import resource
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from medianest.peers.posts import RETIRED, Posts
from tests.peers.boarding import TOPIC, Begin, files, total


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
