"""Results that are failures: `failure_if` of a breaker or a retry says of a result that it is one.

Inside of the strategy such a result is an error, outside it is a result again. Without `failure_if`
nothing of this is in the path of a call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from medianest.resilience.errors import FailedResultError

if TYPE_CHECKING:
    from medianest.resilience.strategy import Invoke

__all__ = ["FailureIf", "answering", "failing"]

logger = logging.getLogger(__name__)

FailureIf: TypeAlias = Callable[[Any], bool]
"""Whether a result says that the dependency failed."""


def failing(inner: Invoke, failure_if: FailureIf, owner: str) -> Invoke:
    """`inner`, with an error in the place of each result that is a failure."""

    def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        result = inner(function, args, kwargs)
        if _is_failure(result, failure_if, owner):
            raise FailedResultError(result)
        return result

    return invoke


def answering(invoke: Invoke) -> Invoke:
    """`invoke`, with the result in the place of that error."""

    def answer(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        try:
            return invoke(function, args, kwargs)
        except FailedResultError as failed:
            result = failed.result
        return result

    return answer


def _is_failure(result: object, failure_if: FailureIf, owner: str) -> bool:
    try:
        return bool(failure_if(result))
    except Exception:  # the result is there: a bug in the predicate must not take it away
        logger.exception("failure_if of %s failed", owner)
        return False
