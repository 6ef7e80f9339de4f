"""`/api/v1/resilience/dependencies`: what this server needs, and watching more of it."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint, g, url_for
from pydantic import Field

from medianest.dependencies.addresses import ForbiddenAddressError
from medianest.dependencies.definition import Definition
from medianest.dependencies.url import HealthUrlError
from medianest.health import DependencyHealth
from medianest.media.errors import UpstreamError
from medianest.resilience import ConfigurationError
from medianest.storage.dependencies import DependencyConflictError, UnknownDependencyError
from medianest.web.answers.dependencies import Dependencies, Dependency
from medianest.web.audited import audited
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.problem_kinds import WRITING
from medianest.web.problems import ProblemError
from medianest.web.schemas import Registration

__all__ = ["blueprint"]

blueprint = Blueprint("dependencies", __name__, url_prefix="/api/v1/resilience/dependencies")

Name = Annotated[str, Field(min_length=1, max_length=100)]


@blueprint.get("", strict_slashes=False)
@endpoint("viewer", operation_id="list_dependencies", answers={200: Dependencies})
def everything() -> Dependencies:
    """Every dependency, with its health, its breaker and its bulkhead."""
    return Dependencies(dependencies=tuple(_rendered(found) for found in _found()))


@blueprint.get("/<name>")
@endpoint("viewer", operation_id="get_dependency", answers={200: Dependency})
def one(name: Name) -> Dependency:
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
def register(body: Registration) -> tuple[Dependency, int, dict[str, str]]:
    """Watch another dependency. It has its breaker, its bulkhead, its check and its place in the
    graph at once, survives a restart, and every process on the same database knows it within one
    interval of checks; 200 when exactly that is registered already."""
    added = _register(body)
    if added:
        detail = {"type": body.type, "criticality": body.criticality}
        audited("dependency.register", body.name, detail=detail)
    container().monitoring.reporter.forget()
    location = url_for(".one", name=body.name)
    return _one(body.name), 201 if added else 200, {"Location": location}


def _register(body: Registration) -> bool:
    try:
        definition = Definition(
            name=body.name,
            type=body.type,
            criticality=body.criticality,
            health_check_url=body.health_check_url,
            depends_on=body.depends_on,
            circuit_breaker=body.options(),
            expected_status=body.expected_status,
        )
        return container().monitoring.dependencies.register(definition, g.actor)
    except DependencyConflictError as error:
        raise ProblemError("conflict", str(error)) from None
    except UnknownDependencyError as error:
        raise _invalid("depends_on", str(error)) from None
    except (HealthUrlError, ForbiddenAddressError, UpstreamError) as error:
        raise _invalid("health_check_url", str(error)) from None
    except ConfigurationError as error:
        field, _, rest = str(error).partition(": ")
        known = field in Registration.model_fields
        raise _invalid(field if known else "body", rest if known else str(error)) from None


def _invalid(field: str, message: str) -> ProblemError:
    fault: dict[str, Any] = {"field": field, "message": message}
    return ProblemError("invalid", f"{field}: {message}", {"errors": [fault]})


@blueprint.delete("/<name>")
@endpoint(
    "operator",
    operation_id="remove_dependency",
    answers={204: None},
    problems=("conflict", *WRITING),
)
def remove(name: Name) -> None:
    """Watch a registered dependency no longer."""
    try:
        removed = container().monitoring.dependencies.remove(name)
    except DependencyConflictError as error:
        raise ProblemError("conflict", str(error)) from None
    if not removed:
        raise ProblemError("not-found", f"there is no dependency {name!r}")
    container().monitoring.reporter.forget()
    audited("dependency.remove", name)


def _one(name: str) -> Dependency:
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
