"""What the pages have in common: their blueprint, their door, and what stands around each."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, cast

from flask import Response, current_app, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from medianest.page.door import LoginNeeded, PageDoor, this_page
from medianest.page.live import page
from medianest.page.rendering import url_for
from medianest.page.sections import Section
from medianest.resilience import CallRefusedError
from medianest.storage import StorageError
from medianest.web.core import core
from medianest.web.problem_kinds import KINDS
from medianest.web.problems import ProblemError
from medianest.web.roles import Role

__all__ = [
    "EXTENSION",
    "PATHS",
    "door",
    "looking",
    "pages",
    "server_pages",
    "surroundings",
    "titled",
    "to_login",
]


EXTENSION: Final = "medianest.page"

PATHS: Final = (
    "/", "/alerts", "/assets", "/audit", "/breakers", "/dependencies", "/events", "/login",
    "/logout", "/queue", "/recovery", "/routes",
)  # fmt: skip
"""Where the pages are: looks that are answered under any load, and no traffic of people."""

pages = Section()
"""What every app's page has."""

server_pages = Section()
"""What only the server has: its queue, what operators register, and signing in."""


def door() -> PageDoor:
    """That of the current app."""
    return cast(PageDoor, current_app.extensions[EXTENSION])


def looking(view: Callable[..., AnyResponse]) -> Callable[..., AnyResponse]:
    """Show a page to those who may look; others are led to the login form. The view gets the
    `role` of who looks."""

    @wraps(view)
    def shown(**path: Any) -> AnyResponse:
        role: Role = "viewer"
        try:
            role = door().look()
            return view(role=role, **path)
        except LoginNeeded:
            return to_login()
        except ProblemError as error:
            return _fault(role, error.detail, KINDS[error.kind].status)
        except (StorageError, CallRefusedError):
            return _fault(role, "The database does not answer. What it keeps is not lost.", 503)

    return shown


def titled(name: str, role: Role, shown: Any, title: str) -> Response:
    """A page that has a title of its own."""
    return page(name, role, shown, title=f"{title} · {core().title}", **surroundings())


def _fault(role: Role, detail: str, status: int) -> AnyResponse:
    response = page("fault", role, detail, title=core().title, **surroundings())
    if "fragment" not in request.args:  # what keeps the page up to date has its answer
        response.status_code = status
    return response


def to_login() -> AnyResponse:
    """To the login form, and back again afterwards."""
    if "fragment" in request.args:  # the script loads the page anew, which leads there
        return Response(status=401, headers={"Cache-Control": "no-store"})
    return redirect(url_for("page.show_login", next=this_page()), 303)


def surroundings() -> dict[str, Any]:
    """What stands around every page."""
    here, signed = core(), request.args.get("notice", "")
    return {
        "environment": here.environment,
        "worker": here.lifecycle.worker,
        "started_at": here.started_at,
        "sent_at": here.registry.clock.utc(),
        "back": this_page(),
        "signed_in": door().knows(),
        "notice": door().notice(signed) if signed else None,
    }
