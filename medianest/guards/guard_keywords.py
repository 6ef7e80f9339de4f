"""The options of a guard as keywords, for type checkers and editors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from flask import Response
from flask.typing import ResponseReturnValue

if TYPE_CHECKING:
    from medianest.resilience import (
        CircuitBreakerOptions,
        ErrorRecoveryManager,
        Fallback,
        Retry,
        RetryOptions,
    )
    from medianest.resilience.keywords import CircuitBreakerKeywords, RetryKeywords

__all__ = ["GuardFallback", "GuardKeywords"]

GuardFallback: TypeAlias = (
    Callable[[BaseException], ResponseReturnValue] | Callable[[], ResponseReturnValue]
)
"""Answers from the error, or whatever the error is."""


class GuardKeywords(TypedDict, total=False):
    """What a Guard takes besides its service."""

    retry: int | RetryKeywords | RetryOptions | Retry | None
    fallback: GuardFallback | Fallback | None
    max_concurrent: int | None
    timeout: float | None
    circuit_breaker: CircuitBreakerKeywords | CircuitBreakerOptions | None
    recovery: ErrorRecoveryManager | None
    authorize: Callable[[], ResponseReturnValue | bool | None] | None
    failure_if: Callable[[Response], bool] | None
