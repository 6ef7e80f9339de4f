"""What tests of recovery share."""

from typing import NoReturn

from medianest.resilience import RecoveryContext

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
