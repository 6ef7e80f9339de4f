"""Errors: one root, and data instead of text."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest

from medianest.resilience import (
    BulkheadFullError,
    CallOverdueError,
    CallRefusedError,
    CircuitOpenError,
    ConfigurationError,
    DeadlineExceededError,
    FailedResultError,
    PatienceExceededError,
    ResilienceError,
    UnknownNameError,
)

REFUSALS = [CircuitOpenError, BulkheadFullError, DeadlineExceededError, CallOverdueError]


@pytest.mark.parametrize(
    "kind", [*REFUSALS, CallRefusedError, ConfigurationError, UnknownNameError]
)
def test_every_error_has_the_one_root(kind: Any) -> None:
    assert issubclass(kind, ResilienceError)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (ConfigurationError, ValueError),
        (UnknownNameError, LookupError),
        (DeadlineExceededError, TimeoutError),
        (CallOverdueError, DeadlineExceededError),
    ],
)
def test_an_error_is_also_what_callers_know(kind: Any, builtin: Any) -> None:
    assert issubclass(kind, builtin)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_a_refused_call_with_its_name_and_wait(kind: Any) -> None:
    error = kind("plex", 12.5)
    assert isinstance(error, CallRefusedError)
    assert (error.name, error.retry_after) == ("plex", 12.5)
    assert "'plex'" in str(error)
    assert str(error).endswith("; try again in 12.5 s")


@pytest.mark.parametrize(
    ("wait", "words"),
    [(0.1234, "0.123 s"), (59.96, "60 s"), (999.4, "999 s"), (999.5, "1000 s"), (3600.0, "3600 s")],
)
def test_a_long_wait_is_told_in_whole_seconds(wait: float, words: str) -> None:
    """Keeps out: "try again in 3.6e+03 s"."""
    assert str(CircuitOpenError("plex", wait)).endswith(f"; try again in {words}")


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_without_a_wait_promises_none(kind: Any) -> None:
    assert kind("plex").retry_after is None
    assert "try again" not in str(kind("plex", None))


def test_each_refusal_says_what_refused() -> None:
    assert str(CircuitOpenError("plex", None)) == "circuit breaker 'plex' is open"
    assert str(BulkheadFullError("plex", None)) == "bulkhead 'plex' is full"
    assert "deadline passed before 'plex'" in str(DeadlineExceededError("plex", None))
    overdue = CallOverdueError("plex", None)
    assert str(overdue) == "'plex' did not answer before the deadline; the call goes on"


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_survives_pickling(kind: Any) -> None:
    copy = pickle.loads(pickle.dumps(kind("plex", 3.0)))
    assert (type(copy), copy.name, copy.retry_after) == (kind, "plex", 3.0)


def test_lost_patience_says_how_long_it_lasted_also_after_pickling() -> None:
    error = pickle.loads(pickle.dumps(PatienceExceededError("plex", None, 1.5)))
    assert isinstance(error, PatienceExceededError)
    assert (error.name, error.retry_after, error.seconds) == ("plex", None, 1.5)
    assert str(error) == "'plex' has not answered within 1.5 s"


def test_a_refusal_tells_what_it_knows_and_no_more() -> None:
    assert str(CircuitOpenError("plex")) == "circuit breaker 'plex' is open"
    assert str(CircuitOpenError("plex", math.inf)) == (
        "circuit breaker 'plex' is open: an operator has opened it"
    )
    assert CircuitOpenError("plex", math.inf).retry_after is None
    assert str(PatienceExceededError("plex", None)) == "'plex' has not answered in time"
    assert str(CallRefusedError("plex", 1)) == "'plex' refused the call; try again in 1 s"


def test_a_result_that_is_a_failure_is_told_by_its_status_or_its_type() -> None:
    class Response:
        status_code: object = 503

    class Odd:
        status_code = "503"

    results: tuple[object, ...] = (Response(), Odd(), {}, None)
    told = [str(FailedResultError(result)) for result in results]
    assert [text.rpartition(".")[2] for text in told] == [
        "returned 503", "Odd", "returned dict", "returned NoneType",
    ]  # fmt: skip
    response = Response()
    failed = pickle.loads(pickle.dumps(FailedResultError("text")))
    assert (failed.result, failed.response) == ("text", "text")
    assert FailedResultError(response).response is response
