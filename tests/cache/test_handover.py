"""Last good answers outlive the process that has them, as long as another one takes its place."""

from __future__ import annotations

import json
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.cache import bundle
from medianest.cache.handover import Handover
from medianest.cache.last_good import TieredLastGood
from medianest.cache.packed import Packed, packed_memory
from medianest.peers import HostPeers
from medianest.resilience import ManualClock, Registry
from tests.cache.keeping import DAY, LIST

MOVIES, SHOWS = ("a film",), ("a series", "another")


class Worker:
    """A process, as its last good answers see it."""

    def __init__(self, folder: Path, clock: ManualClock, max_bytes: int = 2**20) -> None:
        self.folder, self.clock, self.is_replaced = folder, clock, False
        memory = packed_memory(DAY, clock, max_bytes=max_bytes)
        self.store: TieredLastGood[Any] = TieredLastGood(
            "items", DAY, LIST, clock=clock, memory=memory
        )
        self.peers = HostPeers(Registry(), folder)
        self._job = Handover(memory, folder, self.peers, clock, lambda: self.is_replaced).job()

    def start(self) -> Worker:
        self.peers.start()
        assert self._job.at_start is not None
        self._job.at_start()
        return self

    def run(self) -> None:
        self._job.run()

    def end(self, *, is_replaced: bool = True) -> None:
        self.is_replaced = is_replaced
        assert self._job.at_end is not None
        self._job.at_end()
        self.peers.stop()

    def keep(self, key: tuple[Any, ...], value: tuple[str, ...]) -> None:
        self.store.put(key, value, self.clock.now())

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.answers*"))


@pytest.fixture
def hire(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def hire(**options: Any) -> Worker:
        made.append(Worker(tmp_path / "peers", clock, **options))
        return made[-1].start()

    yield hire
    for each in made:
        each.peers.stop()


def test_who_starts_gets_the_newest_that_the_living_have(
    hire: Callable[..., Worker], clock: ManualClock
) -> None:
    first, second = hire(), hire()
    first.keep(("1", 0, 50), MOVIES)
    first.keep(("2", 0, None), MOVIES)
    clock.advance(10)
    second.keep(("1", 0, 50), SHOWS)
    clock.advance(5)
    new = hire()
    assert new.store.get(("1", 0, 50)) == (SHOWS, 5.0)
    assert new.store.get(("2", 0, None)) == (MOVIES, 15.0)
    assert new.store.get(("3", 0, 50)) is None


def test_of_several_that_start_each_gets_them(hire: Callable[..., Worker]) -> None:
    hire().keep((), MOVIES)
    assert [hire().store.get(()) for _ in range(4)] == [(MOVIES, 0.0)] * 4


def test_the_last_one_leaves_them_to_the_next(
    hire: Callable[..., Worker], clock: ManualClock
) -> None:
    """As a server with one worker replaces it after so many requests."""
    only = hire()
    only.keep((), MOVIES)
    only.end()
    clock.advance(3)
    new = hire()
    assert new.store.get(()) == (MOVIES, 3.0)
    assert new.files == []


def test_a_server_that_stops_leaves_nothing(hire: Callable[..., Worker]) -> None:
    first, second = hire(), hire()
    first.keep((), MOVIES)
    hire().end()
    first.end(is_replaced=False)
    second.end(is_replaced=False)
    assert second.files == []


def test_only_we_may_read_them(hire: Callable[..., Worker]) -> None:
    hire().keep((), MOVIES)
    (file,) = hire().files
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_what_was_left_long_ago_is_nobodys(hire: Callable[..., Worker], clock: ManualClock) -> None:
    only = hire()
    only.keep((), MOVIES)
    only.end()
    clock.advance(61)
    new = hire()
    assert new.store.get(()) is None
    assert new.files == []


def test_files_of_the_killed_are_removed_after_a_minute(
    hire: Callable[..., Worker], clock: ManualClock
) -> None:
    worker = hire()
    left = worker.folder / "1.77.abcdef.answers.new"
    left.write_bytes(b"half of it")
    clock.set_by(left.stat().st_mtime + 30 - clock.utc().timestamp())
    worker.run()
    assert worker.files == [left]
    clock.advance(31)
    worker.run()
    assert worker.files == []


def test_a_file_that_was_cut_at_any_byte_costs_answers_alone(
    hire: Callable[..., Worker], tmp_path: Path, clock: ManualClock
) -> None:
    only = hire()
    only.keep(("1",), MOVIES)
    only.keep(("2",), SHOWS)
    only.end()
    (file,) = only.files
    whole = file.read_bytes()
    numbers = set()
    for end in range(len(whole) + 1):
        file.write_bytes(whole[:end])
        with file.open("rb") as cut:
            numbers.add(len(list(bundle.read(cut, clock.now(), 60.0))))
    assert numbers == {0, 1, 2}


@pytest.mark.parametrize(
    "head",
    [
        {"key": ["items", {}]},
        {"key": ["items"]},
        {"key": [7, []]},
        {"key": "items"},
        {"size": -1},
        {"size": 2**40},
        {"size": True},
        {"size": None},
        {"asked_at": 1e9},
        {"asked_at": "then"},
    ],
)
def test_what_is_no_answer_is_left_out(
    head: dict[str, Any], hire: Callable[..., Worker], clock: ManualClock
) -> None:
    worker = hire()
    start = {"version": 1, "written_at": clock.now()}
    good = {"key": ["items", []], "size": 5, "asked_at": clock.now()}
    lines = [json.dumps(each).encode() for each in (start, {**good, **head})]
    (worker.folder / "x.answers").write_bytes(b"\n".join(lines) + b"\nabcde")
    assert hire().store.get(()) is None


@pytest.mark.parametrize("data", [b"no zlib", zlib.compress(b"no JSON"), zlib.compress(b"[7]")])
def test_an_answer_that_cannot_be_read_is_none(data: bytes, clock: ManualClock) -> None:
    memory = packed_memory(DAY, clock, max_bytes=2**20)
    store: TieredLastGood[Any] = TieredLastGood("items", DAY, LIST, clock=clock, memory=memory)
    memory.put(("items", ()), Packed(data), clock.now())
    assert store.get(()) is None


def test_of_many_those_go_along_that_were_used_last(
    hire: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MOST_BYTES", 1_000)
    worker = hire()
    for number in range(100):
        worker.keep((number,), MOVIES)
    assert worker.store.get((3,)) is not None
    new = hire()
    (file,) = new.files
    assert file.stat().st_size < 1_200
    found = [number for number in range(100) if new.store.get((number,)) is not None]
    assert {3, 99} <= set(found)
    assert len(found) < 20


def test_a_full_disk_costs_answers_alone(
    hire: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    hire().keep((), MOVIES)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle, "write", full)
    new = hire()
    assert new.store.get(()) is None
    assert new.files == []
