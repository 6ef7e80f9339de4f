"""The medianest breaker under a circuit: how it is made, named and fed."""

from __future__ import annotations

from math import ceil
from zlib import crc32

from medianest.resilience import CallRefusedError, CircuitBreaker, Registry

__all__ = ["countable", "make", "printable_name", "register"]

_LONGEST_WAIT = 10 * 365 * 86400.0
_MOST_FAILURES = 10**9

_MIN_LEASE = 60.0
"""A probe that streams may well take longer than the wait before it; after this it has failed."""


class _Bridged(CircuitBreaker):
    """A breaker of this bridge: another of the same name may take its place, as that package's
    monitor has it. Those of others stay."""


def make(
    name: str, failure_threshold: float, recovery_timeout: float, registry: Registry
) -> CircuitBreaker:
    """A breaker that counts in a row and waits the same each time, for values that need not be
    acceptable to it."""
    wait = min(max(recovery_timeout, 1e-6), _LONGEST_WAIT)
    return _Bridged(
        _registry_name(name, registry),
        clock=registry.clock,
        counting="consecutive",
        failure_threshold=max(1, ceil(min(failure_threshold, _MOST_FAILURES))),
        reset_timeout=wait,
        max_reset_timeout=wait,
        backoff_factor=1,
        jitter=0,
        half_open_max_calls=1,
        half_open_timeout=max(wait, _MIN_LEASE),
    )


def register(breaker: CircuitBreaker, registry: Registry) -> None:
    """Let operators see it, in the place of an earlier one of this bridge with the same name."""
    registry.add_breaker(breaker, replaces=lambda taken: isinstance(taken, _Bridged))


def countable(error: Exception) -> Exception:
    """The error in a form that counts: a medianest breaker ignores refusals, that package's does
    not."""
    if isinstance(error, CallRefusedError):
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def printable_name(name: str) -> str:
    """A name that can stand in a registry and a path; long ones stay distinct."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in name)
    if len(printable) > 80:
        printable = f"{printable[:70]}~{crc32(name.encode()):08x}"
    return printable


def _registry_name(name: str, registry: Registry) -> str:
    """A name that the registry takes; one that somebody else's breaker has stays distinct."""
    printable = printable_name(name)
    taken = registry.find_breaker(printable)
    foreign = taken is not None and not isinstance(taken, _Bridged)
    return f"{printable} (circuitbreaker)" if foreign else printable
