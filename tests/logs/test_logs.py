"""Logs: lines that machines can read, with which request they belong to."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
from flask import Flask

from medianest.app import create_app
from medianest.bridges.logs import log_events
from medianest.config import Settings
from medianest.health.events import AlertChanged, HealthChanged
from medianest.logs import configure_logs
from medianest.logs.calls import log_calls
from medianest.resilience import CircuitBreaker, ErrorRecoveryManager, ManualClock, RecoveryContext
from medianest.resilience import events as signals
from medianest.resilience.events import publish

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRACE = "0af7651916cd43dd8448eb211c80319c"

logger = logging.getLogger("medianest.test")


@pytest.fixture
def lines(
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Callable[[], list[Any]]]]:
    """`lines(level="INFO")` logs as JSON from now on; called again, the lines since then."""
    kept = [logging.getLogger(name) for name in ("medianest", "gunicorn.error", "medianest.events")]
    last_resort = logging.lastResort
    before = [(each, each.handlers, each.propagate, each.level) for each in kept]

    def configure(level: str = "INFO", as_json: bool = True) -> Callable[[], list[Any]]:
        configure_logs(Settings(log_level=level, log_json=as_json))

        def read() -> list[Any]:
            logging.getLogger("medianest").handlers[0].flush()
            written = capfd.readouterr().err.splitlines()
            return [json.loads(line) for line in written] if as_json else written

        return read

    yield configure
    for handler in logging.getLogger("medianest").handlers:
        handler.close()
    logging.lastResort = last_resort
    for each, handlers, propagate, level in before:
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)
    log_events(logging.getLogger("medianest.events"))()
    log_calls(False)


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)

    @app.get("/shows/<int:number>")
    def shows(number: int) -> str:
        logger.warning("show %d", number, extra={"service": "plex"})
        return ""

    return app


def breaker_that_opens() -> CircuitBreaker:
    breaker = CircuitBreaker("plex", failure_threshold=1)
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)
    return breaker


def health(before: str, after: str, message: str | None = None) -> None:
    publish((HealthChanged("plex", before, after, NOW, message),))


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


def test_whatever_the_level_is_changes_of_state_are_told(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines("ERROR")
    logger.warning("not this")
    breaker = breaker_that_opens()
    breaker.close("mended", actor="kim")
    breaker.disable()
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)
    told = read()
    assert [line["message"] for line in told] == [
        told[0]["message"],
        "circuit breaker plex: open -> closed (close): mended, by kim",
        "circuit breaker plex: closed -> disabled (disable)",
        told[3]["message"],
    ]
    assert told[0]["message"].startswith("circuit breaker plex: closed -> open (tripped)")
    assert "is disabled and would have opened" in told[3]["message"]
    assert {line["service"] for line in told} == {"plex"}
    assert {line["level"] for line in told} == {"warning"}


@pytest.mark.parametrize(
    ("before", "after", "level", "message"),
    [
        ("healthy", "unhealthy", "warning", "health of plex: healthy -> unhealthy: gone"),
        ("unknown", "unhealthy", "warning", "health of plex: unknown -> unhealthy: gone"),
        ("healthy", "degraded", "warning", "health of plex: healthy -> degraded: gone"),
        ("unhealthy", "healthy", "info", "health of plex: unhealthy -> healthy"),
    ],
)
def test_health_that_changes_is_told(
    lines: Callable[..., Callable[[], list[Any]]],
    before: str,
    after: str,
    level: str,
    message: str,
) -> None:
    read = lines("ERROR")
    health(before, after, "gone")
    (line,) = read()
    assert (line["level"], line["message"], line["service"]) == (level, message, "plex")


@pytest.mark.parametrize(
    ("severity", "state", "level", "word"),
    [
        ("warning", "firing", "warning", "warning"),
        ("critical", "firing", "error", "critical"),
        ("critical", "resolved", "info", "resolved"),
    ],
)
def test_alerts_are_told(
    lines: Callable[..., Callable[[], list[Any]]],
    severity: str,
    state: str,
    level: str,
    word: str,
) -> None:
    read = lines("ERROR")
    publish((AlertChanged("plex", "dependency-down", severity, state, "plex is down", NOW),))
    (line,) = read()
    assert line["message"] == f"alert {word} (dependency-down): plex is down"
    assert (line["level"], line["service"]) == (level, "plex")


def test_a_success_is_no_news(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines()
    breaker = CircuitBreaker("plex")
    for _ in range(10):
        breaker.call(int)
    health("unknown", "healthy")
    assert ErrorRecoveryManager().with_recovery(int) == 0
    assert read() == []


def test_a_recovery_is_told_with_its_service(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines("ERROR")
    manager = ErrorRecoveryManager()
    manager.register_recovery_action("default", 1, execute=lambda error, context: "default")
    context = RecoveryContext(operation="find", service="plex")
    assert manager.with_recovery(lambda: 1 / 0, context) == "default"
    (line,) = read()
    assert line["message"].startswith(
        "find failed (ZeroDivisionError) and was recovered by default"
    )
    assert line["service"] == "plex"


def test_an_outage_is_told_twice_when_it_begins_and_when_it_is_over(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines("ERROR")
    manager = ErrorRecoveryManager()
    manager.register_recovery_action("default", 1, execute=lambda error, context: "default")
    context = RecoveryContext(operation="find", service="plex")
    for _ in range(5):
        manager.with_recovery(lambda: 1 / 0, context)
    manager.with_recovery(int, context)
    assert [line["message"].partition(" after ")[0] for line in read()] == [
        "find failed (ZeroDivisionError) and was recovered by default",
        "default answered 5 calls of find while that failed",
    ]


def test_what_fails_all_day_is_told_when_it_begins(
    lines: Callable[..., Callable[[], list[Any]]], clock: ManualClock
) -> None:
    """Keeps out: hundreds of thousands of lines a day about a disk that is full."""
    read = lines()
    manager = ErrorRecoveryManager(clock=clock)
    manager.register_recovery_action("mend", 1, execute=lambda error, context: 1 / 0)
    context = RecoveryContext(operation="keep", service="database")

    def fail(error: Exception) -> None:
        def operation() -> NoReturn:
            raise error

        with pytest.raises(type(error)):
            manager.with_recovery(operation, context)

    for _ in range(600):
        fail(OSError("disk full"))
        clock.advance(1)
    fail(KeyError("another"))
    clock.advance(301)
    fail(OSError("disk full"))
    told = [line["message"] for line in read() if line["logger"] == "medianest.events"]
    assert [line.partition(" and ")[0] for line in told] == [
        "keep failed (OSError)", "keep failed (KeyError)", "keep failed (OSError)",
    ]  # fmt: skip


def said_of_calls() -> None:
    """One of each, as they are published."""
    error = ConnectionError("connection refused")
    publish(
        (
            signals.RetryScheduled("plex", 1, 0.25, error),
            signals.BudgetExhausted("plex", 2, error),
            signals.CallRefused("plex", 3.0),
            signals.BulkheadFull("plex", 10),
            signals.Degraded("plex.libraries", "last-good", error, 61.2),
            signals.PatienceUsed("plex.libraries", 1.5),
        )
    )


def test_development_tells_what_becomes_of_calls(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines("DEBUG")
    said_of_calls()
    assert [line["message"] for line in read()] == [
        "plex failed (ConnectionError: connection refused): tried again in 0.25 s",
        "plex failed (ConnectionError: connection refused): too many retries to try it again",
        "circuit breaker plex refused a call",
        "plex is full: 10 calls at once",
        "plex.libraries failed (ConnectionError: connection refused): degraded answer, last-good, "
        "61 s old",
        "plex.libraries took over 1.5 s: the last good answer in its place",
    ]


def test_elsewhere_calls_are_no_news(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines("INFO")
    said_of_calls()
    assert read() == []


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
