"""The way of log lines out of the process: who logs never waits, and what is lost is told."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medianest.health import Status
from medianest.health.log import LogTally
from medianest.logs.outlet import Outlet
from medianest.logs.seldom import Seldom
from medianest.resilience import ManualClock
from tests.support.narrowing import not_none

LINE = "x" * 1000


@pytest.fixture
def tally(clock: ManualClock) -> LogTally:
    return LogTally(clock)


@pytest.fixture
def pipe() -> Iterator[SimpleNamespace]:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "wb", buffering=0) as writer:
        yield SimpleNamespace(reader=reader, writer=writer)


@pytest.fixture
def log_to(tally: LogTally) -> Iterator[Callable[[Any], logging.Logger]]:
    """`log_to(stream)` is a logger whose lines go there."""
    made = []

    def make(stream: Any) -> logging.Logger:
        logger = logging.Logger("outlet")
        logger.addHandler(Outlet(stream, tally))
        made.append(logger)
        return logger

    yield make
    for logger in made:
        logger.handlers[0].close()


def flush(logger: logging.Logger) -> None:
    logger.handlers[0].flush()


def test_a_pipe_that_nobody_reads_keeps_nobody_waiting(
    log_to: Callable[[Any], logging.Logger], pipe: SimpleNamespace, tally: LogTally
) -> None:
    """Keeps out: after 64 KiB each request that logs hangs until somebody reads."""
    logger = log_to(pipe.writer)
    for number in range(6000):
        logger.info("%d %s", number, LINE)
    assert 1000 < tally.dropped < 2500
    threading.Thread(target=lambda: (flush(logger), pipe.writer.close())).start()
    *lines, told = pipe.reader.read().decode().splitlines()
    kept = [int(line.split()[0]) for line in lines]
    assert (len(kept), kept[:1000]) == (6000 - tally.dropped, list(range(1000)))
    assert kept == sorted(kept)  # the thread that writes may fill the pipe before or after that
    assert told == f"{tally.dropped} log records were dropped"


def test_a_critical_record_finds_its_place(
    log_to: Callable[[Any], logging.Logger], pipe: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medianest.logs.outlet._CRITICAL_SECONDS", 0.0)
    logger = log_to(pipe.writer)
    for _ in range(6000):
        logger.info(LINE)
    logger.critical("the end")
    threading.Thread(target=lambda: (flush(logger), pipe.writer.close())).start()
    assert pipe.reader.read().decode().splitlines()[-2] == "the end"


def test_what_a_full_disk_does_not_take_is_told_when_it_does_again(
    log_to: Callable[[Any], logging.Logger], pipe: SimpleNamespace, tally: LogTally
) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        disk = SimpleNamespace(fileno=full.fileno)
        logger = log_to(disk)
        for _ in range(3):
            logger.info("lost")
        flush(logger)
    disk.fileno = pipe.writer.fileno
    logger.info("kept")
    flush(logger)
    pipe.writer.close()
    assert pipe.reader.read() == b"kept\n3 log records were dropped\n"
    assert tally.dropped == 3


def test_a_line_of_which_half_was_written_spoils_no_other(
    log_to: Callable[[Any], logging.Logger], pipe: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, left = os.write, [4, 0]

    def fills_up(descriptor: int, data: memoryview) -> int:
        if left and not (room := left.pop(0)):
            raise OSError(errno.ENOSPC, "full")
        return write(descriptor, data[:room] if left else data)

    monkeypatch.setattr(os, "write", fills_up)
    logger = log_to(pipe.writer)
    logger.info("broken off")
    logger.info("whole")
    flush(logger)
    monkeypatch.undo()
    pipe.writer.close()
    assert pipe.reader.read() == b"brok\nwhole\n1 log record was dropped\n"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_closed_stream_is_no_error_of_who_logs(
    log_to: Callable[[Any], logging.Logger], pipe: SimpleNamespace, tally: LogTally, is_there: bool
) -> None:
    pipe.writer.close()
    logger = log_to(pipe.writer if is_there else None)
    logger.error("lost")
    flush(logger)
    assert tally.dropped == 1


def test_a_pipe_that_does_not_block_is_waited_for(
    log_to: Callable[[Any], logging.Logger], pipe: SimpleNamespace
) -> None:
    os.set_blocking(pipe.writer.fileno(), False)
    logger = log_to(pipe.writer)
    for _ in range(500):
        logger.info(LINE)
    threading.Thread(target=lambda: (flush(logger), pipe.writer.close())).start()
    assert len(pipe.reader.read().splitlines()) == 500


def test_arguments_that_do_not_fit_are_told_as_such(
    log_to: Callable[[Any], logging.Logger], pipe: SimpleNamespace
) -> None:
    logger = log_to(pipe.writer)
    logger.info("%d things", "some")
    flush(logger)
    pipe.writer.close()
    assert pipe.reader.read().startswith(b"'%d things' cannot be told: %d format")


def test_its_thread_ends_with_it(
    log_to: Callable[[Any], logging.Logger], pipe: SimpleNamespace
) -> None:
    others = set(threading.enumerate())
    logger = log_to(pipe.writer)
    logger.info("hello")
    (thread,) = set(threading.enumerate()) - others
    logger.handlers[0].close()
    thread.join(5)
    assert not thread.is_alive()


FORKING = """
import logging, os, sys
from medianest.logs.outlet import Outlet

logging.basicConfig(level="INFO", format="%(message)s", handlers=[Outlet(sys.stderr)])
for number in range(100):
    logging.info("parent %d", number)
if (child := os.fork()) == 0:
    logging.info("child")
    if os.fork() == 0:
        logging.critical("grandchild")
        os._exit(1)
    os.wait()
    sys.exit(0)
os.waitpid(child, 0)
logging.info("the end")
"""


def test_each_process_writes_its_own_lines_once_before_it_ends() -> None:
    """The last one ends without a word, right after its critical line."""
    found = subprocess.run(
        [sys.executable, "-Wignore", "-c", FORKING],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    lines = found.stderr.splitlines()
    parent = [f"parent {number}" for number in range(100)]
    assert sorted(lines) == sorted([*parent, "child", "grandchild", "the end"])
    assert [line for line in lines if line.startswith("parent")] == parent


def test_health_tells_that_the_log_is_not_read(tally: LogTally, clock: ManualClock) -> None:
    """Keeps out: a health of 100 while nothing is logged any more."""
    assert tally().status is Status.HEALTHY
    tally.note_begun()
    clock.advance(6)
    assert (tally().status, tally().detail["stuck_seconds"]) == (Status.DEGRADED, 6)
    assert "has been blocked for 6 s" in not_none(tally().message)
    tally.note_ended()
    assert tally().status is Status.HEALTHY


def test_health_tells_for_a_minute_that_records_were_dropped(
    tally: LogTally, clock: ManualClock
) -> None:
    tally.note_dropped()
    clock.advance(59)
    assert (tally().status, tally().detail["dropped"]) == (Status.DEGRADED, 1)
    assert not_none(tally().message).startswith("1 record was dropped")
    clock.advance(2)
    assert tally().status is Status.HEALTHY


def record_of(
    message: str, level: int = logging.WARNING, name: str = "gunicorn.error"
) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, message, (), None)


def test_of_a_kind_a_few_records_a_second_pass_and_the_next_tells_of_the_rest(
    clock: ManualClock,
) -> None:
    seldom = Seldom(2, clock)
    bad = [record_of(f"Invalid request from {number}") for number in range(5)]
    assert [seldom.filter(record) for record in bad] == [True, True, False, False, False]
    assert seldom.filter(record_of("Worker exiting"))
    assert seldom.filter(record_of("Invalid request from me", logging.CRITICAL))
    clock.advance(1)
    last = record_of("Invalid request from you")
    assert seldom.filter(last)
    assert vars(last)["left_out"] == 3


def test_kinds_that_are_made_up_take_no_memory(clock: ManualClock) -> None:
    seldom = Seldom(1, clock)
    assert seldom.filter(record_of("Invalid request"))
    assert not seldom.filter(record_of("Invalid request"))
    for number in range(1000):
        seldom.filter(record_of(f"{number:020}"[::-1]))
    assert seldom.filter(record_of("Invalid request"))  # nobody knows any more that it was there
