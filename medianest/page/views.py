"""The front page."""

from __future__ import annotations

from flask import Response, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from medianest.config import missing
from medianest.page.common import blueprint, looking, surroundings
from medianest.page.live import page
from medianest.page.now import now
from medianest.resilience import CallRefusedError
from medianest.storage import StorageError
from medianest.web.container import Container, container
from medianest.web.roles import Role
from medianest.web.views.queue_figures import QueueFigures

__all__ = ["show_now"]


@blueprint.get("/")
def show_now() -> AnyResponse:
    """Everything at a glance; for programs, where to go on."""
    best = request.accept_mimetypes.best_match(("text/html", "application/json"))
    return _links() if best == "application/json" else _now()


@looking
def _now(role: Role) -> Response:
    here = container()
    shown = now(here, queue_figures(here), missing(here.settings))
    return page("now", role, shown, **surroundings())


def queue_figures(here: Container) -> QueueFigures | None:
    """How many operations are in which state; None while the database does not answer."""
    try:
        found = QueueFigures.model_validate(here.queue.admin.figures())
    except (StorageError, CallRefusedError):
        return None
    return found.model_copy(update={"counted_at": None})


def _links() -> Response:
    links = {
        "health": "/api/v1/health",
        "status": "/api/v1/resilience/status",
        "documentation": "/docs",
        "openapi": "/docs/openapi.json",
        "metrics": "/metrics",
    }
    return jsonify({name: request.script_root + path for name, path in links.items()})
