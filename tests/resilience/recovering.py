"""What tests of recovery share."""

from medianest.resilience import RecoveryContext

CONTEXT = RecoveryContext(operation="op", service="svc")


def broken():
    raise ConnectionError("down")
