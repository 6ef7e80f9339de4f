"""The pages that list: what happened, recoveries, routes and the audit."""

from __future__ import annotations

from typing import Final

from flask import Response, request

from medianest.page.asking import ask
from medianest.page.common import looking, pages, titled
from medianest.page.now import action_lines, route_lines
from medianest.page.timeline import TYPES, happenings
from medianest.web.core import core
from medianest.web.roles import Role
from medianest.web.views.audit import list_audit_entries
from medianest.web.views.recovery import list_recoveries

__all__ = ["show_audit", "show_events", "show_recovery", "show_routes"]

_MANY: Final = 200


@pages.get("/events")
@looking
def show_events(role: Role) -> Response:
    """What happened within a day, of all kinds."""
    wanted, name = request.args.get("type") or None, request.args.get("name") or None
    audit = ask(list_audit_entries, limit=_MANY).items
    found = happenings(core(), audit, type=wanted, name=name, limit=_MANY)
    return titled("events", role, (found, TYPES, wanted, name), "Events")


@pages.get("/recovery")
@looking
def show_recovery(role: Role) -> Response:
    """Each recovery action, and the last failures that it was about."""
    statistics = core().monitoring.reporter.report().recovery
    shown = action_lines(statistics), ask(list_recoveries, limit=20)
    return titled("recovery", role, shown, "Recovery")


@pages.get("/routes")
@looking
def show_routes(role: Role) -> Response:
    """Every route that was asked for within the last minute."""
    traffic = core().traffic()
    return titled("routes", role, route_lines(traffic, traffic.routes()), "Routes")


@pages.get("/audit")
@looking
def show_audit(role: Role) -> Response:
    """What operators did."""
    return titled("audit", role, ask(list_audit_entries), "Audit")
