"""What other libraries do to calls when several processes share a breaker, and ours does not.

That failures count once for all, that one bad process shuts out no other, that an operator reaches
all, and that probes outlive their holders, is shown by test_host, test_workers and test_any_app.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from medianest.peers import HostPeers
from medianest.resilience import CircuitBreaker, Registry
from tests.integration.peers.process import Crowd
from tests.support.waiting import wait_until

NEVER: dict[str, Any] = {"failure_threshold": 10**6, "counting": "consecutive"}
CALLS = 5_000
PATIENCE = 0.25
"""Seconds that the others are waited for, by the listening thread."""


@dataclass(frozen=True)
class Spent:
    """What this thread has spent until now: how often it read and wrote, and how long it was
    blocked, in seconds, without the time in which others had the processor."""

    reads: int
    writes: int
    blocked: float

    @classmethod
    def until_now(cls) -> Self:
        task = Path("/proc/thread-self")
        counts = dict(line.split(": ") for line in (task / "io").read_text().splitlines())
        ran, waited, _ = map(int, (task / "schedstat").read_text().split())
        blocked = time.monotonic() - (ran + waited) / 1e9
        return cls(int(counts["syscr"]), int(counts["syscw"]), blocked)


def spent_by(act: Callable[[], None]) -> Spent:
    before, by_looking = Spent.until_now(), Spent.until_now()
    act()
    after = Spent.until_now()
    return Spent(
        after.reads - by_looking.reads - (by_looking.reads - before.reads),
        after.writes - by_looking.writes,
        after.blocked - by_looking.blocked,
    )


@contextmanager
def frozen(crowd: Crowd, folder: Path) -> Iterator[None]:
    """The others stand still, their sockets are full, and somebody holds every lock."""
    for each in crowd.processes:
        each.kill(signal.SIGSTOP)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger,
        (folder / "places").open("r+b") as places,
        (folder / "leader").open("r+b") as leader,
    ):
        stranger.setblocking(False)
        for pid in (each.pid for each in crowd.processes):
            (theirs,) = folder.glob(f".{pid}.*.sock")
            with suppress(BlockingIOError):
                while True:
                    stranger.sendto(b"{}", str(theirs))
        fcntl.flock(places, fcntl.LOCK_EX)
        with suppress(BlockingIOError):  # whoever is elected has it
            fcntl.flock(leader, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    for each in crowd.processes:
        each.kill(signal.SIGCONT)


def breaker_of(tmp_path: Path) -> tuple[CircuitBreaker, HostPeers]:
    registry = Registry()
    made = HostPeers(registry, tmp_path / "peers")
    made.start()
    return registry.breaker("plex", **NEVER), made


def succeed(breaker: CircuitBreaker) -> None:
    for _ in range(CALLS):
        breaker.call(os.getpid)


def fail(breaker: CircuitBreaker) -> None:
    def reach() -> None:
        raise ConnectionError

    for _ in range(CALLS):
        with suppress(ConnectionError):
            breaker.call(reach)


def test_a_call_neither_reads_nor_writes_nor_waits_whatever_becomes_of_the_others(
    tmp_path: Path,
) -> None:
    """Keeps out: pybreaker on Redis asks a server in each call, with a lock held."""
    with Crowd(2, tmp_path / "peers", **NEVER) as crowd:
        breaker, peers = breaker_of(tmp_path)
        wait_until(lambda: crowd.ask("members") == ["3"] * 2)
        crowd.ask("call", "fail")  # from now on they are asked whenever a call fails
        with frozen(crowd, tmp_path / "peers"):
            good = spent_by(lambda: succeed(breaker))
            bad = spent_by(lambda: fail(breaker))
        peers.stop()
    assert (good.reads, good.writes) == (0, 0)
    assert good.blocked < PATIENCE
    assert bad.reads == 0
    assert bad.blocked < PATIENCE


def test_nothing_is_written_for_which_a_disk_needs_room(tmp_path: Path) -> None:
    with Crowd(2, tmp_path / "peers", **NEVER) as crowd:
        wait_until(lambda: crowd.ask("members") == ["2"] * 2)
        for _ in range(5):
            crowd.ask("call", "fail")
        assert {each.stat().st_size for each in (tmp_path / "peers").iterdir()} == {0}


def test_calls_of_all_processes_go_on_at_the_same_time(tmp_path: Path) -> None:
    """Keeps out: gobreaker holds a mutex of all processes while a call goes on."""
    both = [breaker_of(tmp_path) for _ in range(2)]
    meeting = threading.Barrier(8, timeout=10)
    threads = [
        threading.Thread(target=breaker.call, args=(meeting.wait,))
        for breaker, _ in both
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not meeting.broken
    assert [breaker.snapshot().counts.successes for breaker, _ in both] == [4, 4]
    for _, peers in both:
        peers.stop()


def test_a_call_costs_what_it_costs_without_others(tmp_path: Path) -> None:
    """Keeps out: 150 and more microseconds for each call."""
    alone = Registry().breaker("plex", **NEVER)
    shared, peers = breaker_of(tmp_path)
    best = {alone: 1e9, shared: 1e9}
    for _ in range(10):
        for breaker in best:
            began = time.thread_time()
            succeed(breaker)
            best[breaker] = min(best[breaker], time.thread_time() - began)
    peers.stop()
    assert best[shared] < 1.5 * best[alone]
