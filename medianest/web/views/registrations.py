"""`/api/v1/resilience/dependencies`: watching more of what this server needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from flask import Blueprint, g, url_for
from pydantic import Field

from medianest.dependencies.addresses import ForbiddenAddressError
from medianest.dependencies.definition import Definition
from medianest.dependencies.url import HealthUrlError
from medianest.media.errors import UpstreamError
from medianest.resilience import ConfigurationError
from medianest.storage.dependencies import DependencyConflictError, UnknownDependencyError
from medianest.web.audited import audited
from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.parameters import meant
from medianest.web.problem_kinds import WRITING
from medianest.web.problems import ProblemError, invalid
from medianest.web.schemas import Registration
from medianest.web.views.dependencies import Dependency, dependency

__all__ = ["blueprint"]

blueprint = Blueprint("registrations", __name__, url_prefix="/api/v1/resilience/dependencies")

Name = Annotated[str, Field(min_length=1, max_length=100, examples=["nas"])]


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
    graph at once and survives a restart. The other workers of this host know it when this is
    answered, other hosts on the same database within one interval of checks; 200 when exactly that
    is registered already."""
    added = _register(body)
    if added:
        detail = {"type": body.type, "criticality": body.criticality}
        audited("dependency.register", body.name, detail=detail)
    container().monitoring.reporter.forget()
    location = url_for("dependencies.get_dependency", name=body.name)
    return dependency(body.name), 201 if added else 200, {"Location": location}


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
