"""Frozen, validated options of each strategy. Times are seconds, rates are 0 to 1.

A wrong value raises ConfigurationError when the options are made, never later.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar, get_args

from medianest.resilience.arguments import refuse_unknown, tells_arguments
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.judging import FailureIf
from medianest.resilience.outcome import Classifier, Expected, matcher

__all__ = ["BulkheadOptions", "CircuitBreakerOptions", "RetryOptions", "Scope"]

Options = TypeVar("Options")
Function = TypeVar("Function", bound=Callable[..., Any])

Scope = Literal["process", "host"]

MAX_SECONDS = 10 * 365 * 86400.0
"""Ten years: longer than anything waits, and short enough for every date and every timer."""


@tells_arguments
@dataclass(frozen=True)
class CircuitBreakerOptions:
    """When a circuit breaker opens, how long it waits and how it recovers."""

    failure_threshold: int = 5
    """Failures (or slow calls) within the monitoring period that can open it."""
    monitoring_period: float = 60.0
    """How far back calls are counted; staying closed so long forgets earlier openings."""
    reset_timeout: float = 30.0
    """Wait before the first probe of the first opening."""
    half_open_max_calls: int = 3
    """Probes admitted in half-open, and successes needed to close."""
    expected_errors: Expected | Iterable[Expected] | None = None
    """Errors that are the dependency's failures; None: every Exception."""
    ignored_errors: Expected | Iterable[Expected] | None = None
    """Errors that say nothing about the dependency; looked at first."""
    failure_rate_threshold: float = 0.5
    """Share of the counted calls that must have failed, too."""
    slow_call_duration_threshold: float | None = None
    """Calls that take at least this long are slow; None: no call is."""
    slow_call_rate_threshold: float = 0.8
    """Share of the counted calls that must be slow to open it."""
    minimum_number_of_calls: int = 1
    """No rate is judged over fewer calls than this."""
    backoff_factor: float = 2.0
    """Each further opening in a row waits this many times longer."""
    max_reset_timeout: float = 300.0
    """The longest wait, before jitter; a longer reset_timeout raises the default to itself."""
    jitter: float = 0.2
    """The wait varies by this share up and down, so that many clients do not probe at once."""
    half_open_timeout: float = 30.0
    """A probe or a permit is a lease that expires after this long; a slow probe, earlier."""
    counting: Literal["window", "consecutive"] = "window"
    """Judge failures and slow calls over the monitoring period, or in a row."""
    failure_if: FailureIf | None = None
    """Results that are the dependency's failures (a 503); the caller gets them all the same."""

    def __post_init__(self) -> None:
        whole(self, "failure_threshold", "half_open_max_calls", "minimum_number_of_calls")
        positive(self, "reset_timeout", "max_reset_timeout")
        number(self, "monitoring_period", at_least=0.001)
        positive(self, "half_open_timeout")
        if self.max_reset_timeout == type(self).max_reset_timeout < self.reset_timeout:
            object.__setattr__(self, "max_reset_timeout", self.reset_timeout)
        if self.slow_call_duration_threshold is not None:
            positive(self, "slow_call_duration_threshold")
        share(self, "failure_rate_threshold", "slow_call_rate_threshold", "jitter")
        number(self, "backoff_factor", at_least=1.0)
        if self.counting not in ("window", "consecutive"):
            raise wrong(self, "counting", '"window" or "consecutive"')
        for name in ("expected_errors", "ignored_errors"):
            freeze(self, name)
        Classifier(self.expected_errors, self.ignored_errors)
        result_check(self)

    def describe(self) -> dict[str, Any]:
        """The options as plain JSON values."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


@tells_arguments
@dataclass(frozen=True)
class RetryOptions:
    """How often and after what wait a failed call is made again."""

    max_attempts: int = 3
    """Attempts in all, the first included; 1 never retries."""
    initial_delay: float = 1.0
    """Upper bound of the wait before the first retry; full jitter draws below it."""
    factor: float = 2.0
    """Each further bound is this many times longer."""
    max_delay: float = 30.0
    """The longest bound, and the longest Retry-After that is waited for."""
    retry_on: Expected | Iterable[Expected] | None = None
    """Errors worth another try; None: every Exception but refusals and 4xx answers."""
    failure_if: FailureIf | None = None
    """Results worth another try; the last one is returned as it is."""

    def __post_init__(self) -> None:
        whole(self, "max_attempts")
        number(self, "initial_delay", at_least=0.0)
        number(self, "max_delay", at_least=0.0)
        number(self, "factor", at_least=1.0)
        freeze(self, "retry_on")
        matcher(self.retry_on, "retry_on")
        result_check(self)


@tells_arguments
@dataclass(frozen=True)
class BulkheadOptions:
    """How many calls may run at once and how long one may wait for a place."""

    max_concurrent: int = 10
    """Places in the compartment."""
    max_wait: float = 0.0
    """How long a call may wait for a place; the request's deadline shortens it."""
    max_waiting: int | None = None
    """How many may wait at once, and only while places come free so fast that all of them get one
    in time; None: any number, whatever comes of it."""
    scope: Scope = "process"
    """Whose places they are: each process's, or all processes' of the host together where these
    share them (at most 1,000)."""

    def __post_init__(self) -> None:
        if self.scope not in get_args(Scope):
            raise wrong(self, "scope", '"process" or "host"')
        whole(self, "max_concurrent", at_most=1_000 if self.scope == "host" else 100_000)
        number(self, "max_wait", at_least=0.0)
        if self.max_waiting is not None:
            whole(self, "max_waiting")


def configure(
    kind: type[Options],
    options: Options | None,
    keywords: Mapping[str, Any],
    owner: str,
    *others: str,
) -> Options:
    """Options from an object or from keywords, with an error that names what is allowed; `others`
    are what the owner takes besides them."""
    if options is not None:
        if not isinstance(options, kind):
            raise ConfigurationError(f"{owner}: options must be {kind.__name__}, not {options!r}")
        if keywords:
            raise ConfigurationError(
                f"{owner}: give either options or keywords, not both "
                f"(keywords: {', '.join(keywords)})"
            )
        return options
    allowed = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    refuse_unknown(keywords, [*allowed, *others], owner)
    try:
        return kind(**keywords)
    except ConfigurationError as error:
        raise ConfigurationError(f"{owner}: {error}") from None


def as_options(
    kind: type[Options], given: object, name: str, *, takes_number: bool = True
) -> Options | None:
    """Options in any form in which a policy takes them: themselves, their fields as a dict, the
    first of them as a whole number, or None for none."""
    if given is None or isinstance(given, kind):
        return given
    if isinstance(given, Mapping):
        return configure(kind, None, given, name)
    if takes_number and is_whole(given, at_least=1):
        return kind(given)  # type: ignore[call-arg]
    first = f"a whole number ({fields(kind)[0].name}), " if takes_number else ""  # type: ignore[arg-type]
    raise ConfigurationError(
        f"{name} must be {kind.__name__}, {first}a dict of its fields or None, not {given!r}"
    )


def checked_name(name: object, owner: str) -> str:
    """A name that can stand in metrics, URLs and logs: 1 to 100 printable characters."""
    if not isinstance(name, str) or not 1 <= len(name) <= 100 or not name.isprintable():
        raise ConfigurationError(
            f"{owner} name must be 1 to 100 printable characters, not {name!r}"
        )
    return name


def checked_function(given: Function, owner: str, shape: str) -> Function:
    """A function that was given. Raises ConfigurationError for what is none."""
    if not callable(given):
        raise ConfigurationError(f"{owner} must be a function {shape}, not {given!r}")
    return given


def wrong(owner: object, name: str, allowed: str) -> ConfigurationError:
    """The error for one option: its value and what is allowed."""
    return ConfigurationError(f"{name} must be {allowed}, not {getattr(owner, name)!r}")


def number(owner: object, name: str, at_least: float) -> None:
    """A number of at least so much."""
    value = getattr(owner, name)
    if not is_number(value) or not at_least <= value <= MAX_SECONDS:
        raise wrong(owner, name, f"a number from {at_least:g} to {MAX_SECONDS:g}")


def positive(owner: object, *names: str) -> None:
    """Seconds above 0."""
    for name in names:
        value = getattr(owner, name)
        if not is_number(value) or not 0 < value <= MAX_SECONDS:
            raise wrong(owner, name, f"a number of seconds above 0, at most {MAX_SECONDS:g}")


def whole(owner: object, *names: str, at_most: int = 10**9) -> None:
    """Whole numbers of at least 1."""
    for name in names:
        if not is_whole(getattr(owner, name), 1, at_most):
            raise wrong(owner, name, f"a whole number from 1 to {at_most}")


def share(owner: object, *names: str) -> None:
    """Numbers from 0 to 1."""
    for name in names:
        value = getattr(owner, name)
        if not is_number(value) or not 0 <= value <= 1:
            raise wrong(owner, name, "a number from 0 to 1")


def freeze(owner: object, name: str) -> None:
    """Turn a list of expectations into a tuple, so that the options stay hashable and frozen."""
    value = getattr(owner, name)
    if isinstance(value, str):
        object.__setattr__(owner, name, (value,))
    elif isinstance(value, set | frozenset):
        object.__setattr__(owner, name, tuple(sorted(value, key=repr)))
    elif isinstance(value, Iterable) and not isinstance(value, type):
        object.__setattr__(owner, name, tuple(value))


def result_check(owner: object) -> None:
    """A `failure_if` that is a function, or None."""
    given = getattr(owner, "failure_if")  # noqa: B009 (as its brothers do)
    if given is not None:
        checked_function(given, "failure_if", "(result) -> bool")


def is_whole(value: object, at_least: int, at_most: int = 10**9) -> bool:
    """Whether it is a whole number in that range."""
    return isinstance(value, int) and not isinstance(value, bool) and at_least <= value <= at_most


def is_number(value: object) -> bool:
    """Whether it is a finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return getattr(value, "__qualname__", repr(value))
