"""What an operator says of a dependency that is to be watched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medianest.dependencies.statuses import SUCCESS, ExpectedStatus, Statuses
from medianest.resilience import (
    BulkheadOptions,
    CircuitBreakerOptions,
    ConfigurationError,
    Criticality,
    DependencyType,
    Policy,
)
from medianest.resilience.options import configure

__all__ = ["NAME", "Definition", "is_name"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

_PLACES = 10


@dataclass(frozen=True)
class Definition:
    """A dependency to register. Raises ConfigurationError for a name that cannot stand in a path
    or a metric, for one that depends on itself, and for a wrong option of its breaker or status.

    `expected_status` says with which answers of its URL it is well."""

    name: str
    type: DependencyType
    criticality: Criticality
    health_check_url: str | None = None
    depends_on: tuple[str, ...] = ()
    circuit_breaker: Mapping[str, Any] = field(default_factory=dict)
    expected_status: ExpectedStatus = SUCCESS

    def __post_init__(self) -> None:
        url = self.health_check_url
        if not (url is None or isinstance(url, str)):
            raise ConfigurationError(f"health_check_url must be a text, not {url!r}")
        if not is_name(self.name):
            raise ConfigurationError(
                f"name must be 1 to 100 letters, digits, dots, dashes and underscores, "
                f"not {self.name!r}"
            )
        if self.name in self.depends_on:
            raise ConfigurationError(f"depends_on: {self.name!r} cannot depend on itself")
        # The same definition is the same object, in whatever order it was told and kept.
        object.__setattr__(self, "depends_on", tuple(sorted(set(self.depends_on))))
        object.__setattr__(self, "circuit_breaker", _sorted(self.circuit_breaker))
        object.__setattr__(self, "expected_status", self.statuses().text)
        if url is None and self.expected_status != SUCCESS:
            raise ConfigurationError("expected_status: goes with a health_check_url only")
        self.policy()

    def statuses(self) -> Statuses:
        """With which answers of its URL it is well."""
        return Statuses.of(self.expected_status)

    def policy(self) -> Policy:
        """How calls to it are protected."""
        options = configure(
            CircuitBreakerOptions, None, dict(self.circuit_breaker), "circuit_breaker"
        )
        return Policy(circuit_breaker=options, bulkhead=BulkheadOptions(_PLACES), retry=None)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, the same for the same definition."""
        told: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "criticality": self.criticality,
            "health_check_url": self.health_check_url,
            "depends_on": list(self.depends_on),
            "circuit_breaker": dict(self.circuit_breaker),
        }
        if self.expected_status != SUCCESS:  # one that was kept before there was a choice is equal
            told["expected_status"] = self.expected_status
        return told

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Definition:
        """From what `as_dict` gave."""
        return cls(**{**kept, "depends_on": tuple(kept["depends_on"])})


def is_name(name: object) -> bool:
    """Whether a registered dependency can have that name."""
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def _sorted(options: Mapping[str, Any]) -> dict[str, Any]:
    """As they come back from JSON."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in sorted(options.items())
    }
