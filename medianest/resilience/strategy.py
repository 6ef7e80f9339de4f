"""What every strategy is: something that wraps a call, once.

An `Invoke` makes a call: `invoke(function, args, kwargs)`. The arguments travel as one tuple
and one dict, unpacked only around the innermost call: a frame between two strategies then
costs about 20 ns, where `*args, **kwargs` through each layer would cost twice that or more.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from types import CoroutineType
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar

from medianest.resilience.decorating import decorated, refuse_unfinished
from medianest.resilience.errors import ConfigurationError

__all__ = ["DeferredSettlement", "Invoke", "Strategy", "refuse_unfinished"]

P = ParamSpec("P")
T = TypeVar("T")

Invoke: TypeAlias = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


def direct(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The innermost Invoke: just the call."""
    return function(*args, **kwargs)


def question_of(function: Callable[..., Any], args: Any, kwargs: Any) -> Hashable:
    """What tells one call from another: the function and its arguments."""
    named = tuple(sorted(kwargs.items()))
    kinds = tuple(type(value) for value in (*args, *dict(named).values()))  # as 1 == True
    return function, args, named, kinds


class Strategy(ABC):
    """One pattern of resilience around a call; used alone or as a layer of a Pipeline."""

    def __init__(self) -> None:
        self._invoke = self.wrap(direct)

    @abstractmethod
    def wrap(self, inner: Invoke) -> Invoke:
        """Compose this strategy around `inner`. Called once; the result is called per call."""

    def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function(*args, **kwargs)` under this strategy. Raises ConfigurationError when it
        returns a coroutine: nothing has been done then."""
        result = self._invoke(function, args, kwargs)
        if type(result) is CoroutineType:
            result.close()
            refuse_unfinished(function)
            raise ConfigurationError(f"{function!r} returned a coroutine, which has done nothing")
        return result  # type: ignore[no-any-return]

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Decorate a synchronous function. Raises ConfigurationError for any other kind."""
        return decorated(self._decorate, function)

    def _decorate(self, function: Callable[P, T]) -> Callable[P, T]:
        invoke = self._invoke

        @functools.wraps(function)
        def protected(*args: P.args, **kwargs: P.kwargs) -> T:
            return invoke(function, args, kwargs)  # type: ignore[no-any-return]

        return protected


class Settleable(Protocol):
    """What a strategy holds for a call that is not over."""

    def success(self) -> None:
        """The call went well."""

    def failure(self, error: BaseException) -> None:
        """The call failed with `error`."""

    def release(self) -> None:
        """The call counts for nothing."""

    def progress(self) -> None:
        """The call is still under way, and well."""


class DeferredSettlement(BaseException):
    """Raised by a call whose result goes on after it returned (a streamed response).

    It passes every strategy: each one that holds something for the call puts it into `held`
    instead of settling it. Whoever catches it takes `result` and, at the end of that result,
    calls exactly one of `success`, `failure` and `release`.
    """

    def __init__(self, result: Any) -> None:
        super().__init__()  # `args` would hold the result for as long as it holds this
        self.result = result
        self.held: list[Settleable] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.result,), self.__dict__

    def success(self) -> None:
        """Settle everything held as a success."""
        for held in self.held:
            held.success()

    def failure(self, error: BaseException) -> None:
        """Settle everything held as failed with `error`."""
        for held in self.held:
            held.failure(error)

    def progress(self) -> None:
        """The call is still under way, and well: no lease of it expires now."""
        for held in self.held:
            held.progress()

    def release(self) -> None:
        """Give everything back; the call counts for nothing."""
        for held in self.held:
            held.release()
