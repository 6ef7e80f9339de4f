"""The recovery actions that need nothing but this library; those for the database and the queue
are made where these are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.circuit_breaker.states import State
from medianest.resilience.errors import CircuitOpenError
from medianest.resilience.recovery.action import (
    RETRY_OPERATION,
    Declined,
    RecoveryAction,
    RecoveryContext,
)
from medianest.resilience.registry import Registry

__all__ = ["breaker_reset", "default_response", "graceful_degradation"]

Build = Callable[[Exception, RecoveryContext, tuple[str, ...]], Any]


@tells_arguments
def breaker_reset(
    registry: Registry,
    probes: Mapping[str, Callable[[], object]],
    *,
    name: str = "circuit-breaker-reset",
    priority: int = 7,
    cooldown: float = 30.0,
) -> RecoveryAction:
    """Closes the open breaker of a service before its wait is over, when a probe of it passes.

    Only services in `probes` are allowed to; a probe that raises says that it is not well yet.
    What operators forced stays as it is.
    """

    def should_execute(error: Exception, context: RecoveryContext) -> bool | Declined:
        if not isinstance(error, CircuitOpenError):
            return Declined("the breaker did not refuse the call")
        if context.service not in probes:
            return Declined(f"not allowed for {context.service!r}: it has no probe")
        breaker = registry.find_breaker(context.service)
        if breaker is None:
            return Declined(f"{context.service!r} has no breaker")
        if breaker.state is not State.OPEN:
            return Declined(f"the breaker is {breaker.state.value}")
        return True

    def execute(error: Exception, context: RecoveryContext) -> Any:
        probes[context.service]()
        breaker = registry.find_breaker(context.service)
        if breaker is None or not breaker.close_if_open("a probe of recovery passed"):
            return Declined("somebody else has changed the breaker")
        return RETRY_OPERATION

    return RecoveryAction(
        name=name,
        priority=priority,
        concerns=lambda context: context.service in probes,
        should_execute=should_execute,
        execute=execute,
        cooldown=cooldown,
        patience=0.0,  # who was refused has better things to do than to wait for a probe
    )


@tells_arguments
def default_response(
    responses: Mapping[str, Any], *, name: str = "default-response", priority: int = 6
) -> RecoveryAction:
    """Answers with what is configured for an operation: a value, or a function
    `(error, context) -> value`."""

    def should_execute(error: Exception, context: RecoveryContext) -> bool | Declined:
        known = context.operation in responses
        return known or Declined(f"{context.operation!r} has no default response")

    def execute(error: Exception, context: RecoveryContext) -> Any:
        response = responses[context.operation]
        return response(error, context) if callable(response) else response

    return RecoveryAction(
        name=name,
        priority=priority,
        concerns=lambda context: context.operation in responses,
        should_execute=should_execute,
        execute=execute,
        concurrent=True,
    )


@tells_arguments
def graceful_degradation(
    builders: Mapping[str, Build],
    registry: Registry,
    *,
    name: str = "graceful-degradation",
    priority: int = 5,
) -> RecoveryAction:
    """Answers with what is left without a service: `builders[operation](error, context, missing)`
    makes the answer from the names of what is missing: the service and all that depend on it."""

    def should_execute(error: Exception, context: RecoveryContext) -> bool | Declined:
        known = context.operation in builders
        return known or Declined(f"{context.operation!r} cannot do without {context.service!r}")

    def execute(error: Exception, context: RecoveryContext) -> Any:
        missing = registry.affected_services(context.service)
        return builders[context.operation](error, context, missing)

    return RecoveryAction(
        name=name,
        priority=priority,
        concerns=lambda context: context.operation in builders,
        should_execute=should_execute,
        execute=execute,
        concurrent=True,
    )
