"""A dependency: what a program needs, and how it is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.circuit_breaker.breaker import CircuitBreaker
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.pipeline import Pipeline

__all__ = ["Criticality", "Dependency", "DependencyType", "check_one_of"]

Criticality = Literal["critical", "important", "optional"]
DependencyType = Literal["database", "cache", "external-api", "internal-service", "queue"]


@tells_arguments
@dataclass(frozen=True)
class Dependency:
    """Something that the program needs, how badly, and the pipeline through which it is called."""

    name: str
    criticality: Criticality
    pipeline: Pipeline
    depends_on: tuple[str, ...] = ()
    type: DependencyType = "external-api"
    operations: tuple[CircuitBreaker, ...] = ()
    """Breakers of single operations of it, whose failures are not the others'."""

    def __post_init__(self) -> None:
        check_one_of(self.name, "criticality", self.criticality, get_args(Criticality))
        check_one_of(self.name, "type", self.type, get_args(DependencyType))

    @property
    def service(self) -> str:
        """The name of its breaker, its bulkhead and its retry budget."""
        return self.pipeline.name


def check_one_of(name: str, what: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ConfigurationError for a value of a dependency that is none of those allowed."""
    if value not in allowed:
        raise ConfigurationError(
            f"dependency {name!r}: {what} must be one of {', '.join(allowed)}, not {value!r}"
        )
