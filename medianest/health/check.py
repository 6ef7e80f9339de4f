"""A check: what is looked at, how often, and how sure one has to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from types import CoroutineType
from typing import Any, Literal, TypeAlias

from medianest.health.status import Status
from medianest.resilience import ConfigurationError, Criticality
from medianest.resilience.arguments import tells_arguments
from medianest.resilience.handlers import takes
from medianest.resilience.options import checked_name, positive, whole
from medianest.resilience.strategy import refuse_unfinished

__all__ = ["Check", "CheckResult", "Kind", "Result", "finding_of"]

Kind = Literal["database", "cache", "external", "internal"]


@tells_arguments
@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found: the status, why it is no better, and figures (plain JSON values)."""

    status: Status = Status.HEALTHY
    message: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


Result: TypeAlias = CheckResult | Status | str | bool | None
"""What a check may return: nothing or True when all is well, False when not, a Status or its text,
or a Finding."""


def finding_of(result: Result) -> CheckResult:
    """What a check found, of whatever it returned. What says nothing about health counts as
    unhealthy, with words that tell what is allowed."""
    if isinstance(result, CheckResult):
        return result
    if result is None or isinstance(result, bool):
        failed = CheckResult(Status.UNHEALTHY, "its check failed")
        return failed if result is False else CheckResult()
    if isinstance(result, CoroutineType):
        result.close()
    try:
        return CheckResult(Status(result))
    except ValueError:
        allowed = "None, True, False, a Status or a Finding"
        message = f"its check must return {allowed}, not {result!r:.200}"
        return CheckResult(Status.UNHEALTHY, message)


@tells_arguments
@dataclass(frozen=True)
class Check:
    """Looks at one component every `interval` seconds.

    `run` returns a Result or raises, which means unhealthy. Waits below it end with `timeout`
    seconds, as its deadline; one that goes on all the same is told as hanging, and not started
    again before it ends. The status gets worse after `worse_after` findings in a row, and better
    after `better_after`.
    """

    name: str
    run: Callable[[], Result]
    kind: Kind = "internal"
    criticality: Criticality = "optional"
    interval: float = 10.0
    timeout: float = 3.0
    worse_after: int = 3
    better_after: int = 2

    def __post_init__(self) -> None:
        checked_name(self.name, "check")
        if not callable(self.run):
            raise ConfigurationError(f"check {self.name!r}: run must be a function")
        if not takes(self.run, 0):
            raise ConfigurationError(
                f"check {self.name!r}: run is called with nothing, and {self.run!r} takes "
                f"{signature(self.run)}"
            )
        try:
            refuse_unfinished(self.run)
        except ConfigurationError as error:
            raise ConfigurationError(f"check {self.name!r}: {error}") from None
        positive(self, "interval", "timeout")
        whole(self, "worse_after", "better_after")
