"""Problems as pages: what people get who ask for what is not there, or for too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response, current_app, request

from medianest.page.live import html_page
from medianest.page.rendering import render_template
from medianest.page.sections import Section
from medianest.web.endpoint import endpoint_of
from medianest.web.problem_kinds import KINDS
from medianest.web.problems import problem_response

__all__ = ["app_pages", "problem_page"]

_HTML: Final = "text/html"
_ACCEPTED: Final = ("application/problem+json", "application/json", _HTML)
"""Who takes anything gets the first."""

app_pages = Section()
"""What the page has in an app that is not ours, whose own errors are none of our business."""


@app_pages.get("/<path:unknown>")
def show_nothing(unknown: str) -> Response:
    """Of paths below the page that lead nowhere."""
    return problem_response("not-found", KINDS["not-found"].explanation)


def problem_page(problem: Mapping[str, Any]) -> Response | None:
    """A problem, where a person has asked for a page. What programs read has no other answer."""
    known = endpoint_of(current_app.view_functions.get(request.endpoint or "", show_nothing))
    if known is not None and _HTML not in known.text:
        return None
    if request.accept_mimetypes.best_match(_ACCEPTED) != _HTML:
        return None
    return html_page(render_template("page/problem.html", problem=problem), problem["status"])
