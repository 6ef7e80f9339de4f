"""A check: what is looked at, how often, and how sure one has to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from medianest.health.status import Status
from medianest.resilience import ConfigurationError, Criticality
from medianest.resilience.options import checked_name, positive, whole

__all__ = ["Check", "Finding", "Kind"]

Kind = Literal["database", "cache", "external", "internal"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: the status, why it is no better, and figures (plain JSON values)."""

    status: Status = Status.HEALTHY
    message: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """Looks at one component every `interval` seconds.

    `run` returns a Finding or raises, which means unhealthy. Waits below it end with `timeout`
    seconds, as its deadline; one that goes on all the same is told as hanging, and not started
    again before it ends. The status gets worse after `worse_after` findings in a row, and better
    after `better_after`.
    """

    name: str
    run: Callable[[], Finding]
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
        positive(self, "interval", "timeout")
        whole(self, "worse_after", "better_after")
