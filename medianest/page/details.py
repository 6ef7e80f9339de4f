"""The pages of breakers, alerts and dependencies, with everything that the API knows of them."""

from __future__ import annotations

from flask import Response

from medianest.page.asking import ask
from medianest.page.common import looking, pages, titled
from medianest.web.roles import Role
from medianest.web.views.alerts import list_alerts
from medianest.web.views.circuit_breakers import get_circuit_breaker, list_circuit_breakers
from medianest.web.views.dependencies import get_dependency, list_dependencies
from medianest.web.views.overrides import list_overrides
from medianest.web.views.silences import list_silences

__all__ = ["show_alerts", "show_breaker", "show_breakers", "show_dependencies", "show_dependency"]


@pages.get("/breakers")
@looking
def show_breakers(role: Role) -> Response:
    """Every circuit breaker."""
    shown = ask(list_circuit_breakers).circuit_breakers, ask(list_overrides)
    return titled("breakers", role, shown, "Breakers")


@pages.get("/breakers/<path:name>")
@looking
def show_breaker(name: str, role: Role) -> Response:
    """One circuit breaker, and what an operator may do to it."""
    return titled("breaker", role, ask(get_circuit_breaker, name=name), name)


@pages.get("/alerts")
@looking
def show_alerts(role: Role) -> Response:
    """What fires, what may soon, and what was told last."""
    return titled("alerts", role, (ask(list_alerts), ask(list_silences).silences), "Alerts")


@pages.get("/dependencies")
@looking
def show_dependencies(role: Role) -> Response:
    """Every dependency, and the form that registers another."""
    return titled("dependencies", role, ask(list_dependencies).dependencies, "Dependencies")


@pages.get("/dependencies/<name>")
@looking
def show_dependency(name: str, role: Role) -> Response:
    """One dependency."""
    return titled("dependency", role, ask(get_dependency, name=name), name)
