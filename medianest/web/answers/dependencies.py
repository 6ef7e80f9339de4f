"""What `/api/v1/resilience/dependencies` answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from medianest.dependencies.definition import Definition
from medianest.dependencies.shown import shown_url
from medianest.health import DependencyHealth
from medianest.resilience import Criticality, DependencyType
from medianest.web.answers.base import AnswerModel
from medianest.web.answers.components import Component
from medianest.web.answers.metrics import BreakerFigures, BulkheadFigures

__all__ = ["Dependencies", "Dependency"]


class Dependency(AnswerModel):
    """A dependency: what it is, how it is, and what protects its calls."""

    name: str
    type: DependencyType
    criticality: Criticality
    depends_on: tuple[str, ...]
    dependents: Annotated[tuple[str, ...], Field(description="What depends on it, or on those.")]
    registered: Annotated[bool, Field(description="Whether an operator did it while running.")]
    health_check_url: Annotated[
        str | None,
        Field(description="Of a registered one, without the values in its query."),
    ]
    expected_status: Annotated[
        str | None, Field(description='With which statuses it is well, such as "200-299,401".')
    ]
    health: Component
    circuit_breaker: BreakerFigures | None
    operations: Annotated[
        tuple[BreakerFigures, ...],
        Field(description="Circuit breakers of single operations, whose failures are their own."),
    ]
    bulkhead: BulkheadFigures | None

    @classmethod
    def of(
        cls, found: DependencyHealth, dependents: tuple[str, ...], registered: Definition | None
    ) -> Dependency:
        """As it is now."""
        breaker, bulkhead = found.breaker, found.bulkhead
        url = _url_of(registered)
        return cls(
            name=found.name,
            type=found.dependency.type,
            criticality=found.dependency.criticality,
            depends_on=found.dependency.depends_on,
            dependents=dependents,
            registered=registered is not None,
            health_check_url=url,
            expected_status=registered.statuses().text if registered and url else None,
            health=Component.of_dependency(found),
            circuit_breaker=None if breaker is None else BreakerFigures.of(breaker),
            operations=tuple(map(BreakerFigures.of, found.operations)),
            bulkhead=None if bulkhead is None else BulkheadFigures.model_validate(bulkhead),
        )


def _url_of(registered: Definition | None) -> str | None:
    if registered is None or registered.health_check_url is None:
        return None
    return shown_url(registered.health_check_url)


class Dependencies(AnswerModel):
    """Every dependency, each after those that it depends on."""

    dependencies: tuple[Dependency, ...]
