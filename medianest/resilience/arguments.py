"""Wrong arguments of what is made or registered: a ConfigurationError that names those that exist,
in the place of Python's TypeError."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from medianest.resilience.errors import ConfigurationError

__all__ = ["named_options", "refuse_unknown", "tells_arguments"]

T = TypeVar("T")


def tells_arguments(subject: T) -> T:
    """Decorate a function, or a class for what it is made from. Costs nothing but a frame while
    the arguments are right."""
    if isinstance(subject, type):
        subject.__init__ = _telling(subject.__init__, subject.__name__)  # type: ignore[misc]
        return subject
    return _telling(subject, subject.__name__)  # type: ignore[arg-type, attr-defined, return-value]


def _telling(function: Callable[..., Any], owner: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # it was called, and failed later
            _explain(function, args, kwargs, owner)
            raise

    return told


def _explain(function: Callable[..., Any], args: Any, kwargs: dict[str, Any], owner: str) -> None:
    signature = inspect.signature(function)
    takes = [each for each in signature.parameters.values() if each.name != "self"]
    names = [each.name for each in takes if each.kind is not each.VAR_KEYWORD]
    if len(names) == len(takes):
        refuse_unknown(kwargs, names, owner)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        allowed = ", ".join([*names, *_keywords(function, takes)]) or "no arguments"
        raise ConfigurationError(f"{owner}: {error}; it takes {allowed}") from None


def _keywords(function: Callable[..., Any], takes: list[inspect.Parameter]) -> list[str]:
    """Those that a TypedDict declares: `**keywords: Unpack[RetryKeywords]`."""
    declared = [str(each.annotation) for each in takes if each.kind is each.VAR_KEYWORD]
    names = [text.removeprefix("Unpack[").removesuffix("]") for text in declared]
    kinds = [function.__globals__.get(name) for name in names]
    return [key for kind in kinds for key in getattr(kind, "__annotations__", ())]


def named_options(function: Callable[..., Any]) -> list[str]:
    """The keywords that a function names itself, besides those that it hands on."""
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]


def refuse_unknown(given: Iterable[str], allowed: Iterable[str], owner: str) -> None:
    """Raise ConfigurationError for names that are not allowed, with those that are."""
    known = list(allowed)
    if unknown := [name for name in given if name not in known]:
        raise ConfigurationError(
            f"{owner}: unknown option {', '.join(unknown)}; allowed are {', '.join(known)}"
        )
