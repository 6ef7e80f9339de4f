"""`/api/v1/resilience/dependencies`: what this server needs, and watching more of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from flask import Blueprint, g, url_for
from pydantic import Field

from medianest.dependencies.addresses import ForbiddenAddressError
from medianest.dependencies.definition import Definition
from medianest.dependencies.shown import shown_url
from medianest.dependencies.url import HealthUrlError
from medianest.health import DependencyHealth
from medianest.media.errors import UpstreamError
from medianest.resilience import BulkheadSnapshot, ConfigurationError, Criticality, DependencyType
from medianest.storage.dependencies import DependencyConflictError, UnknownDependencyError
from medianest.web.audited import audited
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.models import AnswerModel
from medianest.web.parameters import meant
from medianest.web.problem_kinds import WRITING
from medianest.web.problems import ProblemError, invalid
from medianest.web.schemas import Registration
from medianest.web.views.breaker_model import Breaker
from medianest.web.views.component_model import Component

__all__ = ["Dependencies", "Dependency", "blueprint"]


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
        cls, found: DependencyHealth, dependents: tuple[str, ...], registered: Definition | None
    ) -> Dependency:
        """As it is now."""
        breaker = found.breaker
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
            circuit_breaker=None if breaker is None else Breaker.of(breaker),
            operations=tuple(map(Breaker.of, found.operations)),
            bulkhead=found.bulkhead,
        )


def _url_of(registered: Definition | None) -> str | None:
    if registered is None or registered.health_check_url is None:
        return None
    return shown_url(registered.health_check_url)


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
    return _one(name)


@blueprint.post("", strict_slashes=False)
@endpoint(
    "operator",
    operation_id="register_dependency",
    body=Registration,
    answers={201: Dependency, 200: Dependency},
    sends={201: ("Location",), 200: ("Location",)},
    problems=("conflict", *WRITING),
)
def register_dependency(body: Registration) -> tuple[Dependency, int, dict[str, str]]:
    """Watch another dependency. It has its breaker, its bulkhead, its check and its place in the
    graph at once, survives a restart, and every process on the same database knows it within one
    interval of checks; 200 when exactly that is registered already."""
    added = _register(body)
    if added:
        detail = {"type": body.type, "criticality": body.criticality}
        audited("dependency.register", body.name, detail=detail)
    container().monitoring.reporter.forget()
    location = url_for("dependencies.get_dependency", name=body.name)
    return _one(body.name), 201 if added else 200, {"Location": location}


def _register(body: Registration) -> bool:
    try:
        definition = Definition(
            name=body.name,
            type=body.type,
            criticality=body.criticality,
            health_check_url=body.health_check_url,
            depends_on=_meant(body.depends_on),
            circuit_breaker=body.options(),
            expected_status=body.expected_status,
        )
        return container().monitoring.dependencies.register(definition, g.actor)
    except DependencyConflictError as error:
        raise ProblemError("conflict", str(error)) from None
    except UnknownDependencyError as error:
        raise invalid("depends_on", str(error)) from None
    except (HealthUrlError, ForbiddenAddressError, UpstreamError) as error:
        raise invalid("health_check_url", str(error)) from None
    except ConfigurationError as error:
        field, _, rest = str(error).partition(": ")
        known = field in Registration.model_fields
        raise invalid(field if known else "body", rest if known else str(error)) from None


@blueprint.delete("/<name>")
@endpoint(
    "operator",
    operation_id="remove_dependency",
    answers={204: None},
    problems=("conflict", *WRITING),
)
def remove_dependency(name: Name) -> None:
    """Stop watching a registered dependency."""
    try:
        removed = container().monitoring.dependencies.remove(name)
    except DependencyConflictError as error:
        raise ProblemError("conflict", str(error)) from None
    if not removed:
        raise ProblemError("not-found", f"there is no dependency {name!r}")
    container().monitoring.reporter.forget()
    audited("dependency.remove", name)


def _meant(names: Iterable[str]) -> tuple[str, ...]:
    known = [each.name for each in container().registry.dependencies()]
    return tuple(meant(name, known) for name in names)


def _one(name: str) -> Dependency:
    name = meant(name, [found.name for found in _found()])
    for found in _found():
        if name in (found.name, found.dependency.service):
            return _rendered(found)
    raise ProblemError("not-found", f"there is no dependency {name!r}")


def _found() -> list[DependencyHealth]:
    return list(container().monitoring.reporter.report().dependencies)


def _rendered(found: DependencyHealth) -> Dependency:
    here = container()
    dependents = here.registry.dependents(found.name)
    return Dependency.of(found, dependents, here.monitoring.dependencies.definition(found.name))
