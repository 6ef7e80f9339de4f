"""Every error of the package can be pickled and copied, with all that it carries."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest
import requests
from flask import Response

import medianest
from medianest.bridges.circuitbreaker import CircuitBreaker, CircuitBreakerError
from medianest.media.errors import MediaError, SlowError, UnavailableError
from medianest.resilience import CircuitOpenError, DeferredSettlement, PatienceExceededError
from medianest.resilience.outcome import reraise

MADE_FROM = {
    "CallRefusedError": ("plex", 2.5),
    "PatienceExceededError": ("plex", None, 1.5),
    "NotConfiguredError": ("plex", "MEDIANEST_PLEX_URL"),
    "RejectedError": ("plex", "no", 401),
    "RefusedError": ("plex", "no", 400),
    "SourceError": ("overseerr", "TMDB", "away"),
    "ForeignAnswerError": ("plex", "a proxy", 502),
    "UnavailableError": ("plex", "away", 503),
    "MediaError": ("plex", "away"),
    "medianest.sandbox.overseerr.answers.AnswerError": (400, "no", [{"path": "mediaId"}]),
    "QueueFullError": (7, "kitchen"),
    "RehearsedError": ("5xx", 500),
    "DeferredSettlement": ("chunks",),
    "FaultError": ("no such fault", ["hang"]),
    "ViewFailedError": (Response("away", 503),),
    "FailedAnswerError": (requests.Response(),),
    "RequestRefusedError": (CircuitOpenError("plex", 2.5),),
    "CommandError": ("no server answers", 69),
    "ProblemError": ("conflict", "no", {"seconds": 5}),
}
"""By the class, or by the nearest one above it; the others take any text."""


def modules() -> None:
    for found in pkgutil.walk_packages(medianest.__path__, "medianest."):
        if "migrations" not in found.name and not found.name.endswith(("__main__", ".wsgi")):
            importlib.import_module(found.name)


def kinds(root: Any = BaseException) -> Iterator[Any]:
    for kind in root.__subclasses__():
        if kind.__module__.startswith("medianest."):
            yield kind
        yield from kinds(kind)


def made(kind: Any) -> Exception:
    if kind is CircuitBreakerError:
        return pickle.loads(pickle.dumps(kind(CircuitBreaker(name="travelling"))))
    for each in kind.__mro__:
        for name in (f"{each.__module__}.{each.__qualname__}", each.__qualname__):
            if name in MADE_FROM:
                return kind(*MADE_FROM[name])
    return kind("what went wrong")


def told(error: Exception) -> tuple[Any, str, tuple[Any, ...], dict[str, Any]]:
    carried = {name: value for name, value in vars(error).items() if name != "_circuit_breaker"}
    carried = {name: plain(value) for name, value in carried.items()}
    return type(error), str(error), tuple(map(plain, error.args)), carried


def plain(value: Any) -> Any:
    """What compares by what it says."""
    return repr(value) if isinstance(value, Exception | Response | requests.Response) else value


@pytest.fixture(scope="module")
def errors() -> list[Exception]:
    modules()
    found = [made(kind) for kind in {*kinds()}]
    assert len(found) > 50
    for error in found:
        vars(error)["attempts"] = 3
        error.add_note("retry 'plex': gave up")
    return found


@pytest.mark.parametrize(
    "carry", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy]
)
def test_an_error_is_the_same_after_the_way(
    errors: list[Exception], carry: Callable[..., Any]
) -> None:
    for error in errors:
        assert told(carry(error)) == told(error)


def test_an_error_made_by_names_travels_as_well() -> None:
    error = pickle.loads(pickle.dumps(SlowError(service="plex", message="slow", retry_after=3)))
    assert (str(error), error.service, error.retry_after) == ("plex: slow", "plex", 3)


def test_the_circuits_error_says_what_it_said_when_it_left() -> None:
    circuit = CircuitBreaker(name="left")
    error = pickle.loads(pickle.dumps(CircuitBreakerError(circuit)))
    assert error.name == "left"
    assert str(error).startswith('Circuit "left" OPEN until ')
    assert pickle.loads(pickle.dumps(error)).retry_after == error.retry_after


class OwnRefusalError(CircuitOpenError):
    def __init__(self, breaker: dict[str, Any]) -> None:
        super().__init__(breaker["name"], 5.0)
        self.breaker = breaker


def test_a_users_own_subclass_travels_whatever_its_init_takes() -> None:
    error = pickle.loads(pickle.dumps(OwnRefusalError({"name": "plex"})))
    assert (error.name, error.retry_after, error.breaker) == ("plex", 5.0, {"name": "plex"})


def test_an_error_does_not_break_the_pool_that_it_is_raised_in() -> None:
    """Keeps out: BrokenProcessPool, as the error could not be made anew from its text alone."""
    away = UnavailableError("plex", "away", 503, retry_after=9)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(MediaError) as caught:
            pool.submit(reraise, away).result(timeout=10)
        assert isinstance(caught.value, UnavailableError)
        assert (caught.value.status, caught.value.retry_after) == (503, 9)
        assert pool.submit(abs, -1).result(timeout=10) == 1


def test_a_refusal_made_of_its_class_alone_can_be_printed() -> None:
    assert str(CircuitOpenError()) == "circuit breaker 'call' is open"
    assert str(PatienceExceededError("plex")) == "'plex' has not answered in time"


def test_what_is_handed_over_travels_while_nothing_is_held() -> None:
    assert pickle.loads(pickle.dumps(DeferredSettlement("chunks"))).result == "chunks"
