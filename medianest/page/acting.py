"""What becomes of a form: it is done, or refused and shown again with all that was typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from flask import redirect, request
from werkzeug.wrappers import Response as AnyResponse

from medianest.page.common import door, surroundings
from medianest.page.door import LoginNeeded
from medianest.page.live import framed, html_page
from medianest.page.rendering import render_template, url_for
from medianest.resilience import CallRefusedError
from medianest.storage import StorageError
from medianest.web.core import core
from medianest.web.problem_kinds import KINDS
from medianest.web.problems import ProblemError, invalid

__all__ = ["acting", "reason"]

Deed = Callable[..., tuple[str, str]]

_FIELDS: Final = {"duration_seconds": "lasts", "expires_in_seconds": "lasts"}
"""What forms call otherwise than the API does."""

_LABELS: Final = {
    "reason": "Why", "lasts": "For how long", "name": "Name", "type": "Type",
    "health_check_url": "Address", "expected_status": "Expected status",
    "criticality": "Criticality", "depends_on": "Needs",
}  # fmt: skip


def acting(shown: str) -> Callable[[Deed], Callable[..., AnyResponse]]:
    """Do what a form of the page `shown` wants, for operators alone. The view returns where to go
    on, and what to say there. Its form is a macro of its name."""

    def decorate(deed: Deed) -> Callable[..., AnyResponse]:
        @wraps(deed)
        def done(**path: Any) -> AnyResponse:
            form, back = None, _back(shown, path)
            try:
                door().act()
                form = deed.__name__  # not before: it may be a stranger's
                where, notice = deed(**path)
            except LoginNeeded:
                return redirect(url_for("page.show_login", next=back), 303)
            except (ProblemError, StorageError, CallRefusedError) as error:
                return _again(error, form=form, path=path, back=back)
            return redirect(door().with_notice(where, notice), 303)

        return done

    return decorate


def reason(*, needed: bool = False) -> str:
    """Why, as the current form says. Raises ProblemError for a blank, which browsers take for an
    answer, where one is needed."""
    said = request.form.get("reason", "").strip()
    if needed and not said:
        raise invalid("reason", "must say why, in 1 to 500 characters")
    return said


def _back(shown: str, path: Mapping[str, str]) -> str:
    """Where the form was."""
    return url_for(f"page.{shown}", **(path if shown == "show_breaker" else {}))


def _again(error: Exception, **where: Any) -> AnyResponse:
    """Why it was refused, and the form as it was sent, so that it can be mended."""
    detail, status, wrong = _told(error)
    shown = {"detail": detail, "wrong": wrong, "given": request.form, **where}
    around = {**surroundings(), "title": f"Not done · {core().title}"}
    main = render_template("page/refused.html", **shown)
    return html_page(framed("refused", "operator", main, around), status)


def _told(error: Exception) -> tuple[str, int, tuple[str, ...]]:
    """What is wrong, by the labels of the form; the status; and which fields are wrong."""
    if not isinstance(error, ProblemError):
        return f"The database does not answer: {error}", 503, ()
    faults = (error.data or {}).get("errors", ())
    wrong = tuple(_field(each["field"]) for each in faults)
    told = [
        f"{_LABELS.get(field, field)}: {each['message']}"
        for field, each in zip(wrong, faults, strict=True)
    ]
    return "; ".join(told) or error.detail, KINDS[error.kind].status, wrong


def _field(name: str) -> str:
    first = name.partition(".")[0]  # one of a list is "depends_on.0"
    return _FIELDS.get(first, first)
