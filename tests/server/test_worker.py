"""What the worker refuses, and what it tells of errors."""

import logging
import os
import signal

import pytest
from gunicorn.config import Config
from gunicorn.http import errors

from medianest.server.channel import SlowClientError
from medianest.server.refusals import FewLines, answer, status_of
from medianest.server.worker import Worker


def test_what_the_server_does_not_speak_is_told_at_the_start() -> None:
    config = Config()
    config.set("certfile", __file__)
    with pytest.raises(SystemExit, match="speaks no TLS"):
        Worker.check_config(config, None)
    Worker.check_config(Config(), None)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidRequestLine("s3cret"), 400),
        (errors.LimitRequestLine(5000, 4094), 414),
        (errors.LimitRequestHeaders("too long"), 431),
        (SlowClientError("slow"), 400),
        (ValueError("a bug"), 500),
    ],
)
def test_each_error_has_its_status_and_no_answer_repeats_what_was_sent(
    error: Exception, status: int
) -> None:
    told = answer(status_of(error))
    assert told.startswith(b"HTTP/1.1 %d " % status)
    assert b"s3cret" not in told
    assert b"Connection: close\r\n" in told


def test_a_few_lines_are_told_and_the_others_counted(caplog: pytest.LogCaptureFixture) -> None:
    few = FewLines(logging.getLogger("medianest.test"), most=2)
    for number in range(5):
        few.warn("number %d", number)
    few.turn()
    few.turn()
    few.warn("number %d", 5)
    told = [record.getMessage() for record in caplog.records]
    assert told == ["number 0", "number 1", "3 more like these were not told", "number 5"]


def test_an_app_that_is_built_during_the_end_is_told_of_it() -> None:
    """Keeps out: jobs taken on by a worker that was told to end while it started."""
    worker = Worker(1, os.getpid(), [], None, 30, Config(), logging.getLogger("test"))
    told: list[bool] = []
    try:
        worker.handle_exit(signal.SIGTERM, None)
        worker.at_end(told.append)
        worker.handle_retire(signal.SIGUSR2, None)
    finally:
        worker.tmp.close()
    assert told == [False]
