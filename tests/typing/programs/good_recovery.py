"""Recovery actions, and contexts in both forms."""

from typing import Any

from medianest.resilience import (
    RETRY_OPERATION,
    Declined,
    ErrorRecoveryManager,
    Recovery,
    RecoveryAction,
    RecoveryContext,
    ResilienceService,
)


def reconnect(error: Exception, context: RecoveryContext) -> Any:
    return RETRY_OPERATION if context.attempt < 2 else Declined("it was tried")


def is_ours(error: Exception, context: RecoveryContext) -> bool | Declined:
    return isinstance(error, ConnectionError)


manager = ErrorRecoveryManager(ambient=lambda: {"user": "me"}, suspended=lambda action: None)
manager.register_recovery_action("reconnect", 10, is_ours, reconnect, cooldown=1.0, patience=2)
manager.register_recovery_action(RecoveryAction(name="default", priority=1, execute=reconnect))
manager.with_recovery(lambda: 1, RecoveryContext(operation="libraries", service="plex"))
manager.with_recovery(lambda: 1, {"operation": "libraries", "metadata": {"id": 7}})
ResilienceService(recovery=manager).with_recovery(lambda: 1, {"service": "plex"}, max_attempts=2)
Recovery(manager, service="plex", operation="libraries", metadata=lambda: {"id": 7})
