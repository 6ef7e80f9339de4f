"""What tests of recovery share."""

from collections.abc import Callable
from typing import NoReturn

from medianest.resilience import ErrorRecoveryManager, RecoveryContext

CONTEXT = RecoveryContext(operation="op", service="svc")


def broken() -> NoReturn:
    raise ConnectionError("down")


SHELF = "shop.shelf"
"""An operation that keeps good answers."""


class Shop:
    """A shop whose `error` is what its shelves answer."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def shelf(self, name: str) -> list[str]:
        if self.error is not None:
            raise self.error
        return [name]


def failing(times: int, result: str = "ok") -> Callable[[], str]:
    """An operation that fails so often and then answers."""
    left = [times]

    def operation() -> str:
        if left[0]:
            left[0] -= 1
            raise ConnectionError("down")
        return result

    return operation


def steps(manager: ErrorRecoveryManager) -> list[tuple[str, str]]:
    return [(s.action, s.outcome) for s in manager.history.records()[0].steps]
