"""The pages that list: the queue, what happened, recoveries, routes and the audit."""

from __future__ import annotations

import re
from typing import Any, Final

from flask import Response, request

from medianest.page.asking import ask
from medianest.page.common import blueprint, looking, surroundings
from medianest.page.live import page
from medianest.page.now import action_lines, route_lines
from medianest.page.timeline import TYPES, happenings
from medianest.web.container import container
from medianest.web.roles import Role
from medianest.web.views.audit import list_audit_entries
from medianest.web.views.queue import get_queued_operation, list_queued_operations
from medianest.web.views.recovery import list_recoveries

__all__ = ["show_audit", "show_events", "show_operation", "show_queue", "show_recovery"]

_MANY: Final = 200
_COUNTDOWN: Final = re.compile(r"(?: for|; retrying in) [\d.]+ s$")


@blueprint.get("/queue")
@looking
def show_queue(role: Role) -> Response:
    """What waits, what runs, and what could not be done."""
    found = ask(list_queued_operations)
    # When they were counted, and what counts down, would make every look another page.
    queue = found.queue.model_copy(update={"counted_at": None})
    blocked = {handler: _COUNTDOWN.sub("", why) for handler, why in found.blocked.items()}
    shown = found.model_copy(update={"queue": queue, "blocked": blocked})
    return _page("queue", role, shown, "Queue")


@blueprint.get("/queue/<operation_id>")
@looking
def show_operation(operation_id: str, role: Role) -> Response:
    """One operation of the queue."""
    found = ask(get_queued_operation, operation_id=operation_id)
    return _page("operation", role, found, "Operation")


@blueprint.get("/events")
@looking
def show_events(role: Role) -> Response:
    """What happened within a day, of all kinds."""
    wanted, name = request.args.get("type") or None, request.args.get("name") or None
    audit = ask(list_audit_entries, limit=_MANY).items
    found = happenings(container(), audit, type=wanted, name=name, limit=_MANY)
    return _page("events", role, (found, TYPES, wanted, name), "Events")


@blueprint.get("/recovery")
@looking
def show_recovery(role: Role) -> Response:
    """Each recovery action, and the last failures that it was about."""
    statistics = container().monitoring.reporter.report().recovery
    shown = action_lines(statistics), ask(list_recoveries, limit=20)
    return _page("recovery", role, shown, "Recovery")


@blueprint.get("/routes")
@looking
def show_routes(role: Role) -> Response:
    """Every route that was asked for within the last minute."""
    here = container()
    return _page("routes", role, route_lines(here, here.monitoring.traffic.routes()), "Routes")


@blueprint.get("/audit")
@looking
def show_audit(role: Role) -> Response:
    """What operators did."""
    return _page("audit", role, ask(list_audit_entries), "Audit")


def _page(name: str, role: Role, shown: Any, title: str) -> Response:
    return page(name, role, shown, title=f"{title} · MediaNest", **surroundings())
