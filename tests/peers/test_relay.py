"""One process answers the questions of the others, and nobody waits for one that cannot."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medianest.peers.desk import Desk
from medianest.peers.relay import LARGEST, LARGEST_QUESTION, PATIENCE, PIECE, Relay
from medianest.resilience import SystemClock
from tests.support.leftovers import Leftovers
from tests.support.waiting import wait_until

CLOCK = SystemClock()

ANSWERING = """
import os, pathlib, signal, sys
from medianest.peers.desk import Desk
from medianest.resilience import SystemClock
desk = Desk(pathlib.Path(sys.argv[1]), lambda question: question, SystemClock())
desk.open()
"""
"""A process with an open desk."""

STAYING = "\nsignal.pause()"
FORKING = "\nif child := os.fork():\n    print(child, flush=True)" + STAYING


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "looks"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., Relay]]:
    """`opened(answer)` opens a desk, and is what asks there."""
    desks = []

    def begin(answer: Callable[[bytes], bytes | None]) -> Relay:
        desks.append(Desk(path, answer, CLOCK))
        desks[-1].open()
        return Relay(path, CLOCK)

    yield begin
    for desk in desks:
        desk.close()


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 5 * PIECE, LARGEST])
def test_an_answer_arrives_as_it_was_given(opened: Callable[..., Relay], size: int) -> None:
    answer = os.urandom(1) * size
    assert opened(lambda question: answer).ask(b"what?") == answer


def test_what_is_too_long_is_not_relayed(opened: Callable[..., Relay]) -> None:
    relay = opened(lambda question: b"x" * (LARGEST + 1))
    assert relay.ask(b"what?") is None
    assert relay.ask(b"x" * (LARGEST_QUESTION + 1)) is None


def test_who_is_to_answer_by_itself_knows_at_once(opened: Callable[..., Relay]) -> None:
    began = time.monotonic()
    assert opened(lambda question: None).ask(b"what?") is None
    assert time.monotonic() - began < PATIENCE


def test_where_nobody_is_that_is_known_at_once(path: Path, opened: Callable[..., Relay]) -> None:
    began = time.monotonic()
    assert Relay(path, CLOCK).ask(b"what?") is None
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gone:
        gone.bind(str(path))
    assert Relay(path, CLOCK).ask(b"what?") is None
    assert time.monotonic() - began < PATIENCE
    assert opened(lambda question: b"here").ask(b"what?") == b"here"  # in the place of the dead


def test_an_answer_that_takes_longer_than_the_patience_is_waited_for(
    opened: Callable[..., Relay],
) -> None:
    def slow(question: bytes) -> bytes:
        threading.Event().wait(1.6 * PATIENCE)
        return question

    assert opened(slow).ask(b"what?") == b"what?"


def test_one_that_stands_still_is_waited_for_once(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ANSWERING + STAYING, path]) as process:
        try:
            relay = Relay(path, CLOCK)
            wait_until(lambda: relay.ask(b"what?") == b"what?")
            process.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            assert relay.ask(b"what?") is None
            assert PATIENCE <= time.monotonic() - began < 2 * PATIENCE
            assert [relay.ask(b"what?") for _ in range(20)] == [None] * 20
            assert time.monotonic() - began < 2 * PATIENCE
        finally:
            process.kill()


def test_an_answer_that_fails_harms_no_other(
    opened: Callable[..., Relay], caplog: pytest.LogCaptureFixture
) -> None:
    relay = opened(lambda question: question if question == b"good" else question.index(b"x"))
    assert relay.ask(b"bad") is None
    assert "a question of another process cannot be answered" in caplog.text
    assert relay.ask(b"good") == b"good"


def test_who_asks_and_says_nothing_keeps_nobody_else(
    path: Path, opened: Callable[..., Relay]
) -> None:
    relay = opened(lambda question: question)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
        silent.connect(str(path))
        assert relay.ask(b"what?") == b"what?"


def test_it_leaves_nothing_behind(path: Path) -> None:
    left = Leftovers()
    for _ in range(3):
        desk = Desk(path, lambda question: question, CLOCK)
        desk.open()
        assert Relay(path, CLOCK).ask(b"what?") == b"what?"
        desk.close()
        assert not path.exists()
    wait_until(lambda: (left.files, left.threads) == (0, 0))


def test_a_file_that_was_removed_is_made_anew(path: Path, opened: Callable[..., Relay]) -> None:
    desk = Desk(path, lambda question: question, CLOCK)
    desk.open()
    path.unlink()
    assert not desk.is_open
    desk.open()
    assert Relay(path, CLOCK).ask(b"what?") == b"what?"
    desk.close()


def test_what_another_has_opened_is_left_to_it(path: Path, opened: Callable[..., Relay]) -> None:
    """Keeps out: the last act of one that was elected before takes the desk of the next away."""
    before = Desk(path, lambda question: b"before", CLOCK)
    before.open()
    relay = opened(lambda question: b"after")
    before.close()
    assert relay.ask(b"what?") == b"after"


def test_a_process_that_is_forked_has_no_desk(path: Path) -> None:
    """Keeps out: it holds the socket of one that has died, and who asks waits for nothing."""
    command = [sys.executable, "-c", ANSWERING + FORKING, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            process.kill()
            process.wait()
            began = time.monotonic()
            assert Relay(path, CLOCK).ask(b"what?") is None
            assert time.monotonic() - began < PATIENCE
        finally:
            os.kill(child, signal.SIGKILL)
