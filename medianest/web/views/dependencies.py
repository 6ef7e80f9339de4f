"""`/api/v1/resilience/dependencies`: what this server needs."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from medianest.health import DependencyHealth
from medianest.resilience import BulkheadSnapshot, Criticality, DependencyType
from medianest.web.core import Registered, core
from medianest.web.endpoint import endpoint
from medianest.web.models import AnswerModel
from medianest.web.parameters import meant
from medianest.web.problems import ProblemError
from medianest.web.views.breaker_model import Breaker
from medianest.web.views.component_model import Component

__all__ = ["Dependencies", "Dependency", "blueprint", "dependency"]


class Dependency(AnswerModel):
    """A dependency: what it is, how it is, and what protects its calls."""

    name: str
    type: DependencyType
    criticality: Criticality
    depends_on: tuple[str, ...]
    dependents: Annotated[
        tuple[str, ...], Field(description="All that depend on it, directly or through others.")
    ]
    registered: Annotated[
        bool, Field(description="Whether an operator registered it while the server was running.")
    ]
    health_check_url: Annotated[
        str | None,
        Field(
            description="The address that is checked, without the values in its query; null of "
            "a built-in one."
        ),
    ]
    expected_status: Annotated[
        str | None,
        Field(description='Statuses that mean that it is healthy, such as "200-299,401".'),
    ]
    health: Component
    circuit_breaker: Breaker | None
    operations: Annotated[
        tuple[Breaker, ...],
        Field(
            description="Circuit breakers of single operations, which fail independently of "
            "each other."
        ),
    ]
    bulkhead: BulkheadSnapshot | None

    @classmethod
    def of(
        cls, found: DependencyHealth, dependents: tuple[str, ...], registered: Registered | None
    ) -> Dependency:
        """As it is now."""
        breaker = found.breaker
        return cls(
            name=found.name,
            type=found.dependency.type,
            criticality=found.dependency.criticality,
            depends_on=found.dependency.depends_on,
            dependents=dependents,
            registered=registered is not None,
            health_check_url=registered and registered.url,
            expected_status=registered and registered.expected_status,
            health=Component.of_dependency(found),
            circuit_breaker=None if breaker is None else Breaker.of(breaker),
            operations=tuple(map(Breaker.of, found.operations)),
            bulkhead=found.bulkhead,
        )


class Dependencies(AnswerModel):
    """Every dependency, each after those that it depends on."""

    dependencies: tuple[Dependency, ...]


blueprint = Blueprint("dependencies", __name__, url_prefix="/api/v1/resilience/dependencies")

Name = Annotated[str, Field(min_length=1, max_length=100, examples=["plex-media-server"])]


@blueprint.get("", strict_slashes=False)
@endpoint("viewer", operation_id="list_dependencies", answers={200: Dependencies})
def list_dependencies() -> Dependencies:
    """Every dependency, with its health, its breaker and its bulkhead."""
    return Dependencies(dependencies=tuple(_rendered(found) for found in _found()))


@blueprint.get("/<name>")
@endpoint("viewer", operation_id="get_dependency", answers={200: Dependency})
def get_dependency(name: Name) -> Dependency:
    """One dependency."""
    return dependency(name)


def dependency(name: str) -> Dependency:
    """One that there is, by its name or that of its service. Raises ProblemError."""
    name = meant(name, [found.name for found in _found()])
    for found in _found():
        if name in (found.name, found.dependency.service):
            return _rendered(found)
    raise ProblemError("not-found", f"there is no dependency {name!r}")


def _found() -> list[DependencyHealth]:
    return list(core().monitoring.reporter.report().dependencies)


def _rendered(found: DependencyHealth) -> Dependency:
    here = core()
    dependents = here.registry.dependents(found.name)
    return Dependency.of(found, dependents, here.registered(found.name))
