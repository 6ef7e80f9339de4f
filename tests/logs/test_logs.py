"""Logs: lines that machines can read, with which request they belong to."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from medianest.app import create_app
from medianest.config import Settings
from medianest.logs import configure_logs
from tests.logs.saying import NOW, breaker_that_opens, logger

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)

    @app.get("/shows/<int:number>")
    def shows(number: int) -> str:
        logger.warning("show %d", number, extra={"service": "plex"})
        return ""

    return app


def test_a_line_says_when_what_and_from_where(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines()
    logger.info("hello %s", "world")
    (line,) = read()
    assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    assert line == {"level": "info", "message": "hello world", "logger": "medianest.test"}


def test_a_line_of_a_request_says_which_one(
    lines: Callable[..., Callable[[], list[Any]]], app: Flask
) -> None:
    read = lines()
    trace = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    app.test_client().get("/shows/7", headers=trace)
    app.test_client().get("/shows/8")
    given, made = read()
    assert (given["trace_id"], given["route"]) == (TRACE, "GET /shows/<int:number>")
    assert (given["service"], given["message"]) == ("plex", "show 7")
    assert len(made["trace_id"]) == 32
    assert made["trace_id"] != TRACE


@pytest.mark.parametrize("message", ["two\nlines", "\x1b[31mred", 'a "quote"', "\ud800", "\0"])
def test_whatever_is_said_is_one_line(
    lines: Callable[..., Callable[[], list[Any]]], message: str
) -> None:
    for as_json in (True, False):
        read = lines(as_json=as_json)
        logger.info("%s", message)
        assert len(read()) == 1


def test_an_error_brings_its_traceback(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines()
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        logger.exception("it broke")
    (line,) = read()
    assert "ZeroDivisionError: division by zero" in line["exception"]


def test_what_json_does_not_know_is_told_as_text(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines()
    logger.info("x", extra={"at": NOW, "error": ValueError("wrong")})
    (line,) = read()
    assert (line["at"], line["error"]) == (str(NOW), "wrong")


def test_each_answer_of_500_and_above_is_told_with_its_trace(
    lines: Callable[..., Callable[[], list[Any]]], tmp_path: Path
) -> None:
    app = create_app({"env": "testing", "instance_path": tmp_path, "client_token": "client"})
    read = lines("WARNING")
    trace = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "Authorization": "Bearer client"}
    client = app.test_client()
    failed = client.get("/api/v1/media/libraries", headers=trace)
    assert failed.status_code == 503
    client.get("/api/v1/media/nothing", headers=trace)
    (line,) = read()
    app.extensions["medianest"].storage.database.close()
    assert (line["trace_id"], line["level"]) == (failed.get_json()["trace_id"], "warning")
    assert line["message"].startswith(
        "answered 503 to GET /api/v1/media/libraries: not-configured: "
    )


def test_what_is_configured_twice_is_told_once(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    lines()
    read = lines()
    logger.warning("once")
    breaker_that_opens()
    assert len(read()) == 2


def test_what_other_packages_say_is_told_as_well(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines()
    other = logging.getLogger("urllib3.connectionpool")
    other.parent, root = None, other.parent  # the root logger is pytest's here
    try:
        other.warning("the pool is full")
    finally:
        other.parent = root
    (line,) = read()
    assert (line["logger"], line["message"]) == ("urllib3.connectionpool", "the pool is full")


def test_clients_make_gunicorn_say_a_few_lines_a_second(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    """Keeps out: 11 MB of log a second from four clients who send nonsense."""
    read, gunicorn = lines(), logging.getLogger("gunicorn.error")
    for number in range(1000):
        gunicorn.warning(f"Invalid request from ip=127.0.0.1: {number}")
    gunicorn.critical("WORKER TIMEOUT")
    told = [line["message"] for line in read()]
    assert told.pop() == "WORKER TIMEOUT"
    assert 5 <= len(told) <= 25  # the machine may take some seconds


def test_lines_for_people_are_short(
    lines: Callable[..., Callable[[], list[Any]]], app: Flask
) -> None:
    read = lines(as_json=False)
    logger.warning("look\nhere")
    with app.test_request_context(headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}):
        logger.warning("look\nhere")
    line, of_request = read()
    assert datetime.fromisoformat(line[:19]).year > 2000
    assert line.endswith(" warning look\\nhere")
    assert of_request.endswith(f" warning look\\nhere [{TRACE}]")
    assert sys.stderr.isatty() is False


@pytest.mark.parametrize("as_json", [True, False])
def test_no_line_holds_a_secret_whoever_wrote_it(
    lines: Callable[..., Callable[[], list[Any]]],
    capfd: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:
    lines()
    token = "planted/operator+token"
    configure_logs(Settings(log_json=as_json, operator_token=token))
    try:
        raise OSError(f"the driver says {token}")
    except OSError:
        logger.exception("with %s", token, extra={"service": token})
    logging.getLogger("medianest").handlers[0].flush()
    written = capfd.readouterr().err
    assert "planted" not in written
    assert written.count("********") >= 2
