"""Those who wait for a place: each holds a thread, so only as many wait as get one in time."""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from medianest.resilience import (
    Bulkhead,
    BulkheadFullError,
    ConfigurationError,
    Deadline,
    ManualClock,
    Registry,
)
from medianest.resilience.bulkhead import Place
from tests.support.waiting import wait_until

LONG = 30.0
PATIENCE = 10.0


class Line:
    """A bulkhead with one place, which is taken, and those who wait for it."""

    def __init__(self, clock: ManualClock, pool: ThreadPoolExecutor, **options: Any) -> None:
        self.bulkhead = Bulkhead("x", max_concurrent=1, max_wait=LONG, clock=clock, **options)
        self.served: list[tuple[str, threading.Event]] = []
        self._pool = pool
        self._taken: Place | None = self.bulkhead.acquire()

    def join(self, name: str) -> Future[Any]:
        """Have another one wait."""
        before = self.bulkhead.snapshot().waiting
        waiting = self._pool.submit(self.bulkhead.call, self._served, name, threading.Event())
        wait_until(lambda: self.bulkhead.snapshot().waiting > before)
        return waiting

    def _served(self, name: str, leave: threading.Event) -> None:
        self.served.append((name, leave))
        assert leave.wait(PATIENCE)

    def move(self) -> None:
        """Whoever has the place leaves it to the first who waits."""
        known = len(self.served)
        if self._taken is not None:
            self._taken.release()
            self._taken = None
        else:
            self.served[-1][1].set()
        wait_until(lambda: len(self.served) > known)

    def refuses(self) -> bool:
        """Whether somebody who comes now is sent away at once."""
        before = self.bulkhead.snapshot().rejected
        with pytest.raises(BulkheadFullError):
            self.bulkhead.call(int)
        return self.bulkhead.snapshot().rejected == before + 1

    def end(self) -> None:
        """Let everybody go."""
        if self._taken is not None:
            self._taken.release()
        wait_until(lambda: self._let_go() or self.bulkhead.snapshot().in_use == 0)

    def _let_go(self) -> None:
        for _, leave in self.served:
            leave.set()


@pytest.fixture
def make_line(clock: ManualClock) -> Iterator[Callable[..., Line]]:
    lines = []
    with ThreadPoolExecutor(10) as pool:

        def make(**options: Any) -> Line:
            lines.append(Line(clock, pool, **options))
            return lines[-1]

        yield make
        for line in lines:
            line.end()


def test_only_so_many_wait_and_the_others_are_refused_at_once(
    make_line: Callable[..., Line],
) -> None:
    line = make_line(max_waiting=2)
    line.join("a")
    line.join("b")
    assert line.refuses()
    line.move()
    line.join("c")
    assert line.refuses()


def test_who_would_wait_in_vain_is_refused_at_once(
    make_line: Callable[..., Line], clock: ManualClock
) -> None:
    """A place every 25 seconds: of those who wait for 30 one gets one in time, and not two."""
    line = make_line(max_waiting=5)
    for name in "abcde":
        line.join(name)
    for _ in range(4):
        clock.advance(25.0)
        line.move()
    assert line.bulkhead.snapshot().waiting == 1
    assert line.refuses()


def test_a_line_that_moves_takes_in_as_many_as_get_a_place_in_time(
    make_line: Callable[..., Line], clock: ManualClock
) -> None:
    line = make_line(max_waiting=5)
    for name in "abcde":
        line.join(name)
    for name in "fghij":
        clock.advance(4.0)
        line.move()
        line.join(name)
    assert line.bulkhead.snapshot().waiting == 5


def test_a_line_that_has_not_moved_for_long_takes_nobody_in_though_it_was_quick_before(
    make_line: Callable[..., Line], clock: ManualClock
) -> None:
    line = make_line(max_waiting=5)
    line.join("a")
    clock.advance(16.0)
    assert line.refuses()


def test_when_nothing_moves_one_waits_to_notice_when_it_does(
    make_line: Callable[..., Line], clock: ManualClock
) -> None:
    """Keeps out: a dependency that hung once, and nobody ever waits again."""
    line = make_line(max_waiting=5)
    line.join("a")
    clock.advance(1000.0)
    assert line.refuses()
    line.move()  # slow: after a thousand seconds
    line.join("b")  # the first is always let wait
    clock.advance(20.0)
    assert line.refuses()
    for name in "cdefghijk":  # and when places come at once again, the line is open again
        line.move()
        line.join(name)
    line.join("l")
    assert line.bulkhead.snapshot().waiting == 2


def test_a_wait_in_vain_is_remembered(clock: ManualClock) -> None:
    """Keeps out: callers that queue up anew each time that those before them have given up."""
    bulkhead = Bulkhead("x", max_concurrent=1, max_wait=0.2, max_waiting=5, clock=clock)
    taken = bulkhead.acquire()
    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            first = pool.submit(bulkhead.call, int)
            wait_until(lambda: bulkhead.snapshot().waiting)
            if bulkhead.snapshot().rejected:
                with pytest.raises(BulkheadFullError):
                    bulkhead.call(int)
                assert bulkhead.snapshot().waiting == 1
            clock.advance(0.18)
            with pytest.raises(BulkheadFullError):
                first.result(PATIENCE)
    taken.release()
    assert bulkhead.call(int) == 0


def test_without_a_bound_all_wait(make_line: Callable[..., Line], clock: ManualClock) -> None:
    line = make_line()
    for name in "abcdef":
        line.join(name)
        clock.advance(100.0)
    assert line.bulkhead.snapshot().waiting == 6


@pytest.mark.parametrize("most", [0, -1, 1.5, True])
def test_a_bound_is_a_whole_number(most: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_waiting"):
        Bulkhead("x", max_waiting=most)


def test_a_registry_gives_its_bulkheads_its_clock() -> None:
    looks = []

    def now() -> float:
        looks.append(1)
        return 0.0

    bulkhead = Registry(clock=now).bulkhead("x", max_concurrent=1, max_wait=0.001)
    place = bulkhead.acquire()
    with pytest.raises(BulkheadFullError):
        bulkhead.acquire()
    place.release()
    assert looks


def test_a_short_wait_in_vain_sends_nobody_away(make_line: Callable[..., Line]) -> None:
    line = make_line(max_waiting=5)
    with pytest.raises(BulkheadFullError), Deadline(0.02).scope():
        line.bulkhead.call(int)
    for name in "ab":
        line.join(name)
    assert line.bulkhead.snapshot().waiting == 2


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT interrupts, also where whoever started the tests has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("wait", ["call", "acquire"])
def test_who_is_interrupted_while_waiting_leaves_the_line(interruptible: None, wait: Any) -> None:
    bulkhead = Bulkhead("x", max_concurrent=1, max_wait=10)
    place, main = bulkhead.acquire(), threading.get_ident()

    def interrupt() -> None:
        wait_until(lambda: bulkhead.snapshot().waiting)
        signal.pthread_kill(main, signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        bulkhead.call(int) if wait == "call" else bulkhead.acquire()
    interrupter.join()
    assert bulkhead.snapshot().waiting == 0
    place.release()
    assert bulkhead.snapshot().in_use == 0
