"""What can be decorated: a function that is done when it returns. The rest is refused with where to
put the decorator, and what only a call can show is seen at the first one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from types import MethodType
from typing import Any, Final, ParamSpec, TypeVar

from medianest.resilience.errors import ConfigurationError

__all__ = ["decorated", "refuse_unfinished"]

P = ParamSpec("P")
T = TypeVar("T")


def _nothing() -> Any:
    """Stands for any generator function."""


_MANAGED: Final = contextmanager(_nothing), asynccontextmanager(_nothing)
_MAKERS: Final = {made.__code__ for made in _MANAGED}
"""The code that is a function decorated with @contextmanager."""

_UNFINISHED: Final = (Generator, Coroutine, AsyncGenerator, *(type(made()) for made in _MANAGED))


def decorated(
    decorate: Callable[[Callable[P, T]], Callable[P, T]], function: Callable[P, T]
) -> Callable[P, T]:
    """A function as a strategy decorates it. Raises ConfigurationError for what has done nothing
    yet when it returns: its failures would never be seen."""
    if isinstance(function, staticmethod | classmethod):
        kind: Any = type(function)
        return kind(decorated(decorate, function.__func__))  # type: ignore[no-any-return]
    _refuse_class(function)
    refuse_unfinished(function)
    made = decorate(function)
    return _checking(made) if _wraps_unfinished(function) else made


def _refuse_class(function: Callable[..., Any]) -> None:
    if isinstance(function, type) and function.__module__ != "builtins":  # int is a function to us
        raise ConfigurationError(
            f"{function!r} is a class: decorate its methods, or have it made by "
            f"call({function.__name__}, ...)"
        )


def refuse_unfinished(function: Callable[..., Any]) -> None:
    """Refuse what is known to do nothing until its result is used, and what is no function."""
    if isinstance(function, property | functools.cached_property):
        raise ConfigurationError(f"{function!r} is a property: put the decorator beneath @property")
    if not callable(function):
        raise ConfigurationError(f"only a function can be protected, not {function!r}")
    for each in _inside(function):
        _refuse_kind(function, each)


def _inside(function: Any) -> list[Any]:
    """The function itself, of a method or a partial one, and what a call of an object runs."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, MethodType | staticmethod | classmethod):
            function = function.__func__
        else:
            break
    is_object = not inspect.isroutine(function) and not isinstance(function, type)
    return [function, type(function).__call__] if is_object else [function]


def _refuse_kind(function: Callable[..., Any], target: Callable[..., Any]) -> None:
    if getattr(target, "__code__", None) in _MAKERS:
        raise ConfigurationError(
            f"{function!r} is a context manager: put `with breaker:` around its yield, or the "
            f"decorator on what its block calls"
        )
    if inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target):
        raise ConfigurationError(
            f"{function!r} is asynchronous: only synchronous functions can be protected; hold a "
            f"permit (breaker.acquire()) around its await"
        )
    if inspect.isgeneratorfunction(target):
        raise ConfigurationError(
            f"{function!r} is a generator: protect the code that consumes it, or hold a permit "
            f"(breaker.acquire()) while it runs"
        )


def _wraps_unfinished(function: Callable[..., Any]) -> bool:
    """Whether a function that does nothing yet lies beneath: another decorator may consume it."""
    try:
        refuse_unfinished(inspect.unwrap(_inside(function)[0]))
    except ValueError:  # ours, or that of a chain that goes round
        return True
    return False


def _checking(made: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(made)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        result = made(*args, **kwargs)
        if isinstance(result, _UNFINISHED):
            close = getattr(result, "close", None)
            if close is not None:
                close()
            raise ConfigurationError(
                f"{made!r} returned {type(result).__name__}, which has done nothing yet: put the "
                f"decorator on the code that consumes it"
            )
        return result

    return checked
