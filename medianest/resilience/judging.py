"""Results that are failures: `failure_if` of a breaker or a retry says of a result that it is one.

Inside of the strategy such a result is an error, outside it is a result again. Without `failure_if`
nothing of this is in the path of a call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar

from medianest.resilience.errors import FailedResultError

__all__ = ["FailureIf", "answering", "failing"]

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

FailureIf: TypeAlias = Callable[[Any], bool]
"""Whether a result says that the dependency failed."""


def failing(inner: Callable[P, T], failure_if: FailureIf, owner: str) -> Callable[P, T]:
    """`inner`, with an error in the place of each result that is a failure."""

    def invoke(*args: P.args, **kwargs: P.kwargs) -> T:
        result = inner(*args, **kwargs)
        if _is_failure(result, failure_if, owner):
            raise FailedResultError(result)
        return result

    return invoke


def answering(invoke: Callable[P, T]) -> Callable[P, T]:
    """`invoke`, with the result in the place of that error."""

    def answer(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return invoke(*args, **kwargs)
        except FailedResultError as failed:
            result: T = failed.result
        return result

    return answer


def _is_failure(result: object, failure_if: FailureIf, owner: str) -> bool:
    try:
        return bool(failure_if(result))
    except Exception:  # the result is there: a bug in the predicate must not take it away
        logger.exception("failure_if of %s failed", owner)
        return False
