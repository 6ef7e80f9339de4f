"""Decorated functions of the four kinds: plain, generator, coroutine, async generator."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any

from medianest.bridges.circuitbreaker.error import CircuitBreakerError

if TYPE_CHECKING:
    from medianest.bridges.circuitbreaker.breaker import CircuitBreaker

__all__ = ["wrap"]

Function = Callable[..., Any]


def wrap(breaker: CircuitBreaker, function: Function) -> Function:
    """A function of the same kind that calls `function` through the breaker, or its fallback."""
    if iscoroutinefunction(function):
        return _coroutine(breaker, function)
    if isasyncgenfunction(function):
        return _async_generator(breaker, function)
    if isgeneratorfunction(function):
        return _generator(breaker, function)
    return _plain(breaker, function)


class _Attempt:
    """The function, and whether it was reached: a refusal that it raises itself is not ours."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.reached = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.reached = True
        return self.function(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.function, name)  # for a `call` that asks for its name


def _refuse(breaker: CircuitBreaker) -> Function:
    """The fallback; without one the call ends here."""
    fallback = breaker.fallback_function
    if fallback is None:
        raise CircuitBreakerError(breaker)
    return fallback


def _plain(breaker: CircuitBreaker, function: Function) -> Function:
    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not breaker.opened:
            if breaker.fallback_function is None:
                return breaker.call(function, *args, **kwargs)
            attempt = _Attempt(function)
            try:
                return breaker.call(attempt, *args, **kwargs)
            except CircuitBreakerError:
                if attempt.reached:
                    raise
        return _refuse(breaker)(*args, **kwargs)

    return wrapper


def _generator(breaker: CircuitBreaker, function: Function) -> Function:
    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        if not breaker.opened:
            attempt = _Attempt(function)
            try:
                return (yield from breaker.call_generator(attempt, *args, **kwargs))
            except CircuitBreakerError:
                if attempt.reached:
                    raise
        return (yield from _refuse(breaker)(*args, **kwargs))

    return wrapper


def _coroutine(breaker: CircuitBreaker, function: Function) -> Function:
    @wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not breaker.opened:
            attempt = _Attempt(function)
            try:
                return await breaker.call_async(attempt, *args, **kwargs)
            except CircuitBreakerError:
                if attempt.reached:
                    raise
        return await _refuse(breaker)(*args, **kwargs)

    return wrapper


def _async_generator(breaker: CircuitBreaker, function: Function) -> Function:
    @wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        if not breaker.opened:
            attempt = _Attempt(function)
            # Closed at once when this one is dropped, so that the permit is free again.
            async with aclosing(breaker.call_async_generator(attempt, *args, **kwargs)) as elements:
                try:
                    async for element in elements:
                        yield element
                    return
                except CircuitBreakerError:
                    if attempt.reached:
                        raise
        async for element in _refuse(breaker)(*args, **kwargs):
            yield element

    return wrapper
