"""The front page."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from medianest.page.common import looking, pages, surroundings
from medianest.page.links import Links, links
from medianest.page.live import page
from medianest.page.now import now
from medianest.resilience import CallRefusedError
from medianest.storage import StorageError
from medianest.web.core import Core, core
from medianest.web.endpoint import endpoint
from medianest.web.refresh import Anything
from medianest.web.roles import Role
from medianest.web.views.queue_figures import QueueFigures

__all__ = ["show_now"]


@pages.get("/")
@endpoint(
    operation_id="get_links",
    query=Anything,
    answers={200: Links, 303: None},
    sends={303: ("Location",)},
    text=("text/html",),
)
def show_now() -> Any:
    """Where to go on; for browsers, everything at a glance."""
    accepted = request.accept_mimetypes.best_match(("application/json", "text/html"))
    # The page's own script takes anything, and asks for a fragment.
    is_program = accepted == "application/json" and "fragment" not in request.args
    return links() if is_program else _now()


@looking
def _now(role: Role) -> Response:
    here = core()
    shown = now(here, queue_figures(here), here.not_configured())
    return page("now", role, shown, **surroundings())


def queue_figures(here: Core) -> QueueFigures | None:
    """How many operations are in which state; None while the database does not answer, and where
    there is no queue."""
    if not here.has_queue:
        return None
    try:
        found = QueueFigures.model_validate(here.queue_figures())
    except (StorageError, CallRefusedError):
        return None
    return found.model_copy(update={"counted_at": None})
