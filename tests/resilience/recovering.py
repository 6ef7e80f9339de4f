"""What tests of recovery share."""

from medianest.resilience import RecoveryContext

CONTEXT = RecoveryContext(operation="op", service="svc")


def broken():
    raise ConnectionError("down")


SHELF = "shop.shelf"
"""An operation that keeps good answers."""


class Shop:
    """A shop whose `error` is what its shelves answer."""

    def __init__(self):
        self.error = None

    def shelf(self, name):
        if self.error is not None:
            raise self.error
        return [name]
