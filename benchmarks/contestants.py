"""Who is measured: each builds a guarded function, in the form that its users would write.

`tolerant` breakers never open, so that failures can be measured while closed; the others open
after a few failures and stay open for the rest of the run. Peers are imported when they are
built, so that one that is missing or broken costs its own cells only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from typing import Any, TypeAlias

from benchmarks.floor import floor
from medianest.bridges import circuitbreaker as bridge
from medianest.resilience import (
    Bulkhead,
    CircuitBreaker,
    Coalesce,
    Deadline,
    ErrorRecoveryManager,
    Fallback,
    Pipeline,
    Recovery,
    Retry,
)

__all__ = ["BREAKERS", "RETRIES", "STACKS", "Function"]

Function: TypeAlias = Callable[[], Any]

NEVER = 10**9
FEW = 5
WAIT = 3000

_numbers = count()


def _name() -> str:
    """A new name, because some libraries share breakers by name."""
    return f"bench-{next(_numbers)}"


def _breaker(threshold: int) -> CircuitBreaker:
    return CircuitBreaker(
        _name(),
        failure_threshold=threshold,
        slow_call_duration_threshold=1.0,
        reset_timeout=WAIT,
        max_reset_timeout=WAIT,
    )


def _threshold(tolerant: bool) -> int:
    return NEVER if tolerant else FEW


def bare(function: Function, tolerant: bool) -> Function:
    """No guard at all."""
    return function


def floor_(function: Function, tolerant: bool) -> Function:
    """The limit."""
    return floor(function, threshold=_threshold(tolerant))


def ours(function: Function, tolerant: bool) -> Function:
    """Time window, rates, slow calls; as a decorator."""
    return _breaker(_threshold(tolerant))(function)


def two_phase(function: Function, tolerant: bool) -> Function:
    """The same by permits."""
    breaker = _breaker(_threshold(tolerant))

    def guarded() -> Any:
        permit = breaker.acquire()
        try:
            result = function()
        except BaseException as error:
            permit.failure(error)
            raise
        permit.success()
        return result

    return guarded


def bridged(function: Function, tolerant: bool) -> Function:
    """The decorator of circuitbreaker on our breaker."""
    return bridge.circuit(_threshold(tolerant), WAIT, name=_name())(function)


def circuitbreaker(function: Function, tolerant: bool) -> Function:
    """No window, not thread-safe."""
    from circuitbreaker import circuit

    guarded: Function = circuit(_threshold(tolerant), WAIT, name=_name())(function)
    return guarded


def pybreaker(function: Function, tolerant: bool) -> Function:
    """Failures in a row, a lock around the call."""
    from pybreaker import CircuitBreaker as Breaker

    return Breaker(fail_max=_threshold(tolerant), reset_timeout=WAIT, name=_name())(function)


def pyresilience(function: Function, tolerant: bool) -> Function:
    """Count window and slow calls."""
    from pyresilience import resilient

    return resilient(circuit_breaker=_pyresilience_breaker(tolerant))(function)


def _pyresilience_breaker(tolerant: bool) -> Any:
    from pyresilience import CircuitBreakerConfig

    return CircuitBreakerConfig(
        sliding_window_size=100,
        minimum_calls=_threshold(tolerant),
        recovery_timeout=WAIT,
        slow_call_duration=1.0,
    )


def interlock(function: Function, tolerant: bool) -> Function:
    """Time window and slow calls."""
    guarded: Function = _interlock_breaker(tolerant)(function)
    return guarded


def _interlock_breaker(tolerant: bool) -> Any:
    import interlock as peer

    config = peer.Config(
        window_type=peer.WindowType.TIME_BASED,
        window_size=60,
        minimum_number_of_calls=_threshold(tolerant),
        slow_call_duration_threshold=1.0,
        wait_duration_in_open=WAIT,
    )
    return peer.CircuitBreaker(name=_name(), config=config)


def baldur(function: Function, tolerant: bool) -> Function:
    """Its breaker alone; `protected` adds more. A refusal is a result, not an error."""
    from baldur.services.circuit_breaker.config import CircuitBreakerConfig
    from baldur.services.circuit_breaker.policy import CircuitBreakerPolicy

    config = CircuitBreakerConfig(
        failure_threshold=_threshold(tolerant),
        minimum_calls=_threshold(tolerant),
        recovery_timeout=WAIT,
    )
    _quieten()
    policy: CircuitBreakerPolicy[Any] = CircuitBreakerPolicy(_name(), config=config)
    return lambda: policy.execute(function)


def _quieten() -> None:
    """Its structured log goes to the terminal unless told otherwise, which costs much more."""
    import structlog

    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=silent, cache_logger_on_first_use=False)


BREAKERS: dict[str, Callable[[Function, bool], Function]] = {
    "bare call": bare,
    "floor: append window": floor_,
    "ours": ours,
    "ours, two-phase": two_phase,
    "ours as circuitbreaker": bridged,
    "circuitbreaker": circuitbreaker,
    "pybreaker": pybreaker,
    "pyresilience": pyresilience,
    "interlock-cb": interlock,
    "baldur-framework": baldur,
}
"""By row: builds a guarded function from a function and whether to tolerate all its failures."""


def _nothing(*error: object) -> None:
    return None


def _our_stack(*more: Any, recovery: bool = False) -> Pipeline:
    name = _name()
    parts = [Fallback(_nothing, name=name), Retry(name=name), _breaker(FEW), Bulkhead(name)]
    if recovery:
        parts.insert(1, Recovery(ErrorRecoveryManager(), service=name))
    return Pipeline(name, [*parts, *more])


def stack(function: Function) -> Function:
    """Fallback > Retry > CircuitBreaker > Bulkhead."""
    return _our_stack()(function)


def stack_with_recovery(function: Function) -> Function:
    """The same and Recovery."""
    return _our_stack(recovery=True)(function)


def stack_with_deadline(function: Function) -> Function:
    """The same and a Deadline."""
    return _our_stack(Deadline(5))(function)


def stack_with_coalescing(function: Function) -> Function:
    """The same beneath a Coalesce, so that each call is a flight."""
    return Pipeline(_name(), [Coalesce(name=_name()), _our_stack()])(function)


def pyresilience_stack(function: Function) -> Function:
    """Fallback, retry, breaker with window and slow calls, bulkhead."""
    from pyresilience import BulkheadConfig, FallbackConfig, RetryConfig, resilient

    return resilient(
        fallback=FallbackConfig(_nothing),
        retry=RetryConfig(),
        circuit_breaker=_pyresilience_breaker(False),
        bulkhead=BulkheadConfig(),
    )(function)


def interlock_stack(function: Function) -> Function:
    """Fallback, retry (tenacity's), breaker, bulkhead."""
    from interlock import Pipeline as Peer

    builder = Peer.builder().fallback(_nothing).retry(attempts=3)
    return builder.circuit_breaker(_interlock_breaker(False)).bulkhead(10).build()(function)


def baldur_stack(function: Function) -> Function:
    """Fallback, breaker, retry; it has no bulkhead here."""
    from baldur import protected

    _quieten()
    return protected(_name(), fallback=_nothing, retry=True, timeout=None)(function)


STACKS: dict[str, Callable[[Function], Function]] = {
    "ours": stack,
    "ours, and recovery": stack_with_recovery,
    "ours, and deadline": stack_with_deadline,
    "pyresilience": pyresilience_stack,
    "interlock-cb": interlock_stack,
    "baldur-framework": baldur_stack,
}


def retry(function: Function) -> Function:
    """With its budget."""
    return Retry(name=_name())(function)


def pyresilience_retry(function: Function) -> Function:
    """No budget."""
    from pyresilience import RetryConfig, resilient

    return resilient(retry=RetryConfig())(function)


def stamina_retry(function: Function) -> Function:
    """Tenacity with sane defaults."""
    from stamina import retry as peer

    return peer(on=Exception, attempts=3)(function)


def tenacity_retry(function: Function) -> Function:
    """Three attempts."""
    from tenacity import retry as peer
    from tenacity import stop_after_attempt

    return peer(stop=stop_after_attempt(3))(function)


RETRIES: dict[str, Callable[[Function], Function]] = {
    "ours": retry,
    "pyresilience": pyresilience_retry,
    "stamina": stamina_retry,
    "tenacity": tenacity_retry,
}
