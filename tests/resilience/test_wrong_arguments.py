"""What somebody reads who makes something of the library with a wrong argument, word for word."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from medianest.resilience import (
    Bulkhead,
    BulkheadOptions,
    CircuitBreaker,
    CircuitBreakerOptions,
    Coalesce,
    ConfigurationError,
    Deadline,
    ErrorRecoveryManager,
    Fallback,
    FlightPool,
    MemoryLastGood,
    Patience,
    Pipeline,
    Recovery,
    Registry,
    ResilienceService,
    Retry,
    RetryBudget,
    RetryOptions,
)
from medianest.resilience.recovery import RecoveryAction

BREAKER = ", ".join(field.name for field in fields(CircuitBreakerOptions))
NAME = "name must be 1 to 100 printable characters, not ''"
STORE: MemoryLastGood[Any] = MemoryLastGood(60)
MANAGER = ErrorRecoveryManager()
NO_TOKEN = (
    '\'x\' is not an exception type, a function, or one of the tokens "timeout", "ENOTFOUND", '
    'an errno name such as "ECONNREFUSED", or a status such as "5xx" or "429"'
)
RATIO = (
    "a retry budget takes a ratio from 0 to 1, a reserve of at least 0 and a period above 0, not "
)

WRONG = [
    (lambda: CircuitBreaker(""), f"circuit breaker {NAME}"),
    (lambda: Retry(name=""), f"retry {NAME}"),
    (lambda: Bulkhead(""), f"bulkhead {NAME}"),
    (lambda: Deadline(1, name=""), f"deadline {NAME}"),
    (lambda: Fallback(list, name=""), f"fallback {NAME}"),
    (lambda: Coalesce(name=""), f"coalesce {NAME}"),
    (lambda: Patience(1, last_good=STORE, name=""), f"patience {NAME}"),
    (lambda: Pipeline("", []), f"pipeline {NAME}"),
    (lambda: Recovery(MANAGER, service=""), f"recovery {NAME}"),
    (lambda: Registry().budget(""), f"retry budget {NAME}"),
    (
        lambda: CircuitBreaker("plex", random=0.5),  # type: ignore[arg-type]
        "circuit breaker 'plex': random must be a function () -> a number from 0 to 1, not 0.5",
    ),
    (
        lambda: CircuitBreaker("plex", threshold=3),  # type: ignore[call-arg]
        f"circuit breaker 'plex': unknown option threshold; allowed are {BREAKER}, clock, random",
    ),
    (
        lambda: Retry(name="plex", random=0.5),  # type: ignore[arg-type]
        "retry 'plex': random must be a function () -> a number from 0 to 1, not 0.5",
    ),
    (
        lambda: Retry(name="plex", budget=3),  # type: ignore[arg-type]
        "retry 'plex': budget must be a RetryBudget or None, not 3",
    ),
    (
        lambda: Retry(name="plex", max_attempts=0),
        "retry 'plex': max_attempts must be a whole number from 1 to 1000000000, not 0",
    ),
    (
        lambda: Retry(name="plex", attempts=3),  # type: ignore[call-arg]
        "retry 'plex': unknown option attempts; allowed are max_attempts, initial_delay, factor, "
        "max_delay, retry_on, failure_if, name, budget, clock, random",
    ),
    (
        lambda: Bulkhead("plex", places=3),  # type: ignore[call-arg]
        "bulkhead 'plex': unknown option places; allowed are max_concurrent, max_wait, "
        "max_waiting, scope, clock",
    ),
    (
        lambda: Bulkhead("plex", RetryOptions()),  # type: ignore[arg-type]
        "bulkhead 'plex': options must be BulkheadOptions, not RetryOptions(max_attempts=3, "
        "initial_delay=1.0, factor=2.0, max_delay=30.0, retry_on=None, failure_if=None)",
    ),
    (
        lambda: Bulkhead("plex", BulkheadOptions(), max_wait=1, max_concurrent=2),
        "bulkhead 'plex': give either options or keywords, not both "
        "(keywords: max_wait, max_concurrent)",
    ),
    (
        lambda: BulkheadOptions(max_concurrent=0),
        "max_concurrent must be a whole number from 1 to 100000, not 0",
    ),
    (
        lambda: BulkheadOptions(max_concurrent=100_001),
        "max_concurrent must be a whole number from 1 to 100000, not 100001",
    ),
    (
        lambda: BulkheadOptions(max_concurrent=1_001, scope="host"),
        "max_concurrent must be a whole number from 1 to 1000, not 1001",
    ),
    (
        lambda: BulkheadOptions(max_waiting=0),
        "max_waiting must be a whole number from 1 to 1000000000, not 0",
    ),
    (
        lambda: BulkheadOptions(max_wait=-1),
        "max_wait must be a number from 0 to 3.1536e+08, not -1",
    ),
    (
        lambda: RetryOptions(factor=0.5),
        "factor must be a number from 1 to 3.1536e+08, not 0.5",
    ),
    (
        lambda: RetryOptions(failure_if=5),  # type: ignore[arg-type]
        "failure_if must be a function (result) -> bool, not 5",
    ),
    (
        lambda: CircuitBreakerOptions(reset_timeout=0),
        "reset_timeout must be a number of seconds above 0, at most 3.1536e+08, not 0",
    ),
    (
        lambda: CircuitBreakerOptions(jitter=2),
        "jitter must be a number from 0 to 1, not 2",
    ),
    (
        lambda: CircuitBreakerOptions(counting="both"),  # type: ignore[arg-type]
        'counting must be "window" or "consecutive", not \'both\'',
    ),
    (lambda: CircuitBreakerOptions(expected_errors="x"), f"expected_errors: {NO_TOKEN}"),
    (lambda: CircuitBreakerOptions(ignored_errors=["x"]), f"ignored_errors: {NO_TOKEN}"),
    (lambda: RetryOptions(retry_on="x"), f"retry_on: {NO_TOKEN}"),
    (lambda: Fallback(list, handles="x"), f"handles: {NO_TOKEN}"),
    (
        lambda: Fallback(list, handles=int),  # type: ignore[arg-type]
        f"handles: {NO_TOKEN}".replace("'x'", "<class 'int'>"),
    ),
    (lambda: Fallback(list, handles=[5]), f"handles: {NO_TOKEN}".replace("'x'", "5")),  # type: ignore[list-item]
    (lambda: Deadline(0), "timeout must be seconds above 0, not 0"),
    (
        lambda: Fallback(list, value=[], name="plex"),
        "fallback 'plex': give a function (error) -> answer, or value=, not both",
    ),
    (lambda: Fallback(name="plex"), "fallback 'plex': give a function, value= or last_good="),
    (
        lambda: Fallback(last_good={}, name="plex"),  # type: ignore[arg-type]
        "fallback 'plex': last_good must keep answers as MemoryLastGood does, not {}",
    ),
    (
        lambda: Fallback(last_good=STORE, key=5, name="plex"),  # type: ignore[arg-type]
        "fallback 'plex': key must be a function, not 5",
    ),
    (
        lambda: Fallback(last_good=STORE, stale=5, name="plex"),  # type: ignore[arg-type]
        "fallback 'plex': stale must be a function, not 5",
    ),
    (
        lambda: Fallback(5, name="plex"),  # type: ignore[arg-type]
        "fallback 'plex': give a function (error) -> answer or () -> answer, not 5",
    ),
    (
        lambda: Fallback(divmod, name="plex"),  # type: ignore[arg-type]
        "fallback 'plex': the function is called with the error or with nothing, and cannot be: "
        "<built-in function divmod> takes (x, y, /)",
    ),
    (
        lambda: Coalesce(name="plex", line=5),  # type: ignore[arg-type]
        "coalesce 'plex': line must be a Bulkhead, not 5",
    ),
    (lambda: Coalesce(name="plex", key=5), "coalesce 'plex': key must be a function, not 5"),  # type: ignore[arg-type]
    (
        lambda: Coalesce(name="plex", timeout=0),
        "coalesce 'plex': timeout must be seconds above 0, not 0",
    ),
    (
        lambda: Patience(1, last_good=STORE, name="plex", pool=5),  # type: ignore[arg-type]
        "patience 'plex': pool must be a FlightPool, not 5",
    ),
    (
        lambda: Patience(-1, last_good=STORE, name="plex"),
        "patience 'plex': it takes seconds of at least 0, not -1",
    ),
    (
        lambda: Patience(1, last_good={}, name="plex"),  # type: ignore[arg-type]
        "patience 'plex': last_good must keep answers as MemoryLastGood does, not {}",
    ),
    (
        lambda: FlightPool(0),
        "max_flights must be a whole number from 1 to 10000, not 0",
    ),
    (
        lambda: FlightPool(10_001),
        "max_flights must be a whole number from 1 to 10000, not 10001",
    ),
    (lambda: RetryBudget(2), f"{RATIO}2, 10, 60.0; budget=None is none at all"),
    (lambda: RetryBudget(-0.1), f"{RATIO}-0.1, 10, 60.0; budget=None is none at all"),
    (lambda: RetryBudget(0.2, -1), f"{RATIO}0.2, -1, 60.0; budget=None is none at all"),
    (lambda: RetryBudget(0.2, 1, 0), f"{RATIO}0.2, 1, 0; budget=None is none at all"),
    (lambda: RetryBudget("0.2"), f"{RATIO}'0.2', 10, 60.0; budget=None is none at all"),  # type: ignore[arg-type]
    (
        lambda: RetryBudget(suspended="never"),  # type: ignore[arg-type]
        "suspended of a retry budget must be a function () -> reason or None, not 'never'",
    ),
    (
        lambda: MemoryLastGood(0),
        "last-good answers take max_age above 0, max_entries and max_bytes of at least 1, "
        "not 0, 256 and None",
    ),
    (
        lambda: MemoryLastGood(1, accept=5),  # type: ignore[arg-type]
        "accept must be a function (answer) -> bool, not 5",
    ),
    (
        lambda: MemoryLastGood(1, max_bytes=5),
        "max_bytes takes size_of, a function (answer) -> bytes",
    ),
    (lambda: Pipeline("plex", Retry()), "pipeline 'plex' takes a list of strategies"),  # type: ignore[arg-type]
    (
        lambda: Pipeline("plex", [5]),  # type: ignore[list-item]
        "pipeline 'plex': 5 is not a strategy such as Retry(), CircuitBreaker(...) or "
        "Bulkhead(...)",
    ),
    (
        lambda: Pipeline("plex", [Coalesce(), Patience(1, last_good=STORE)]),
        "pipeline 'plex': Patience does nothing beneath Coalesce; put it directly around it: "
        "Fallback(...), Patience(...), Coalesce(...)",
    ),
    (lambda: Registry(parent=5), "parent must be a Registry, not 5"),  # type: ignore[arg-type]
    (lambda: ResilienceService(5), "registry must be a Registry, not 5"),  # type: ignore[arg-type]
    (
        lambda: ResilienceService(recovery=5),  # type: ignore[arg-type]
        "recovery must be an ErrorRecoveryManager, not 5",
    ),
    (
        lambda: Recovery(MANAGER, service="plex", max_attempts=0),
        "recovery of 'plex': max_attempts must be a whole number of at least 1, not 0",
    ),
    (
        lambda: Recovery(MANAGER, service="plex", key=str),
        "recovery of 'plex': key and handles are for last_good alone",
    ),
    (
        lambda: Recovery(MANAGER, service="plex", handles="timeout"),
        "recovery of 'plex': key and handles are for last_good alone",
    ),
    (
        lambda: Recovery(MANAGER, service="plex", last_good=STORE),
        "recovery of 'plex': last_good needs a name as operation, and a key",
    ),
    (
        lambda: Recovery(MANAGER, service="plex", operation="shelf", last_good=STORE),
        "recovery of 'plex': last_good needs a name as operation, and a key",
    ),
    (
        lambda: RecoveryAction(name="repair", priority="1", execute=print),  # type: ignore[arg-type]
        "recovery action 'repair': priority must be a whole number, not '1'",
    ),
    (
        lambda: ErrorRecoveryManager(ambient=5),  # type: ignore[arg-type]
        "ambient must be a function () -> dict, not 5",
    ),
    (
        lambda: ErrorRecoveryManager(suspended=5),  # type: ignore[arg-type]
        "suspended must be a function (action) -> reason or None, not 5",
    ),
    (
        lambda: MANAGER.with_recovery(int, "plex"),  # type: ignore[arg-type]
        "context must be a RecoveryContext or a dict of its fields, not 'plex'",
    ),
    (
        lambda: MANAGER.with_recovery(int, {"operation": "x", "service": "y"}, max_attempts=0),
        "max_attempts must be a whole number of at least 1, not 0",
    ),
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_argument_is_told_in_full(make: Any, message: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        make()
