"""One scenario on the `circuitbreaker` package and on the bridge: every observable is the same."""

from __future__ import annotations

import asyncio
import datetime
import inspect
from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import Any

import circuitbreaker as original
import pytest

from medianest.bridges import circuitbreaker as bridge
from medianest.resilience import ManualClock

KINDS = ["plain", "generator", "coroutine", "async generator"]
# . success, X failure, r an error that the predicate rejects, 1-9 seconds pass, ! reset
SCRIPTS = [
    "...",
    "XX.XX",
    "XXX...",
    "XXX9.",
    "XXX99X",
    "XXX91.",
    "XXX91X.91X91.X",
    "XXX91r",
    "XXrXX",
    "XX!XX!XXX!.",
    "XXX5X4X1.",
    "XXX91XX!X",
]


class ExpectedError(Exception):
    pass


class OtherError(Exception):
    pass


class Dependency:
    """Answers as told, in the form of each kind of function."""

    error: type[Exception] | None = None

    def answer(self) -> str:
        if self.error is not None:
            raise self.error
        return "answer"

    def function(self, kind: str) -> Any:
        def plain() -> str:
            return self.answer()

        def generator() -> Iterator[str]:
            yield self.answer()

        async def coroutine() -> str:
            return self.answer()

        async def async_generator() -> AsyncIterator[str]:
            yield self.answer()

        return {
            "plain": plain,
            "generator": generator,
            "coroutine": coroutine,
            "async generator": async_generator,
        }[kind]


async def consume(kind: str, call: Any) -> Any:
    if kind == "plain":
        return call()
    if kind == "generator":
        return list(call())
    if kind == "coroutine":
        return await call()
    return [element async for element in call()]


def observe(package: ModuleType, breaker: Any) -> dict[str, Any]:
    monitor = package.CircuitBreakerMonitor
    return {
        "state": breaker.state,
        "opened": breaker.opened,
        "closed": breaker.closed,
        "failure_count": breaker.failure_count,
        "open_remaining": breaker.open_remaining,
        "open_until": breaker.open_until,
        "last_failure": repr(breaker.last_failure),
        "name": breaker.name,
        "str": str(breaker),
        "error": str(package.CircuitBreakerError(breaker)),
        "monitor": (
            monitor.all_closed(),
            [found.name for found in monitor.get_open()],
            [found.name for found in monitor.get_closed()],
            monitor.get("plex") is breaker,
        ),
    }


async def play(package: ModuleType, kind: str, script: str, fallback: bool) -> list[Any]:
    clock, dependency, other = ManualClock(), Dependency(), Dependency()
    seen: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        put_on(clock, package, patch)
        breaker = package.CircuitBreaker(
            failure_threshold=3,
            recovery_timeout=9,
            expected_exception=(ExpectedError,),
            name="plex",
            fallback_function=other.function(kind) if fallback else None,
        )
        protected = breaker(dependency.function(kind))
        for step in script:
            seen.append((step, await act(step, kind, breaker, protected, dependency, clock)))
            seen.append(observe(package, breaker))
    return seen


def put_on(clock: ManualClock, package: ModuleType, patch: pytest.MonkeyPatch) -> None:
    class Datetime(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return clock.utc()

    if package is original:
        patch.setattr(original, "monotonic", clock.now)
        patch.setattr(original, "datetime", Datetime)
        patch.setattr(original.CircuitBreakerMonitor, "circuit_breakers", {})
    else:
        patch.setattr(f"{bridge.breaker.__name__}.default_registry.clock", clock)


async def act(
    step: str, kind: str, breaker: Any, protected: Any, dependency: Dependency, clock: ManualClock
) -> Any:
    if step.isdigit():
        clock.advance(int(step))
        return None
    if step == "!":
        return breaker.reset()
    dependency.error = {".": None, "X": ExpectedError, "r": OtherError}[step]
    try:
        return await consume(kind, protected)
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("fallback", [False, True], ids=["no fallback", "fallback"])
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_observable_is_the_same_at_each_step(kind: str, script: str, fallback: bool) -> None:
    expected = asyncio.run(play(original, kind, script, fallback))
    assert asyncio.run(play(bridge, kind, script, fallback)) == expected


EXPECTATIONS = [
    None,
    ExpectedError,
    (ExpectedError, OSError),
    [ExpectedError],
    (),
    lambda thrown, value: thrown is ExpectedError,
    (KeyboardInterrupt, ExpectedError),
]


@pytest.mark.parametrize("expectation", EXPECTATIONS)
def test_predicates_are_built_alike(expectation: Any) -> None:
    for error in (ExpectedError(), OtherError(), OSError(), KeyboardInterrupt()):
        verdicts = [
            bool(package.circuit(expected_exception=expectation).is_failure(type(error), error))
            for package in (original, bridge)
        ]
        assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize("wrong", ["name", b"name", 7, object, KeyboardInterrupt])
def test_what_is_no_predicate_is_refused_alike(wrong: Any) -> None:
    messages = []
    for package in (original, bridge):
        with pytest.raises(ValueError, match="expected_exception") as caught:
            package.circuit(expected_exception=wrong)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_the_bridge_has_every_public_name_of_the_package() -> None:
    own = {"AnyStr", "Iterable", "ceil", "floor", "datetime", "timedelta", "timezone", "wraps"}
    own |= {"isclass", "iscoroutinefunction", "isgeneratorfunction", "isasyncgenfunction"}
    own |= {"monotonic"}
    public = {name for name in vars(original) if not name.startswith("_")} - own
    assert public <= set(vars(bridge))
    for name in ("CircuitBreaker", "CircuitBreakerMonitor"):
        wanted = {member for member in vars(getattr(original, name)) if not member.startswith("_")}
        assert wanted <= set(vars(getattr(bridge, name)))


def functions() -> list[Any]:
    def plain() -> None:
        """Says what it does."""

    def generator() -> Iterator[None]:
        yield

    async def coroutine() -> None:
        pass

    async def async_generator() -> AsyncIterator[None]:
        yield

    return [plain, generator, coroutine, async_generator]


@pytest.mark.parametrize("place", range(4), ids=KINDS)
def test_decorated_functions_keep_their_kind_and_name(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = []
    monkeypatch.setattr(original.CircuitBreakerMonitor, "circuit_breakers", {})
    for package in (original, bridge):
        function = functions()[place]
        wrapper = package.circuit(function)
        described.append(
            (
                wrapper.__name__,
                wrapper.__doc__,
                wrapper.__wrapped__ is function,
                inspect.isgeneratorfunction(wrapper),
                inspect.iscoroutinefunction(wrapper),
                inspect.isasyncgenfunction(wrapper),
                list(package.CircuitBreakerMonitor.circuit_breakers),
            )
        )
    assert described[0] == described[1]
