"""What operators do on the pages: each form does what an endpoint of the API does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from flask import redirect, request
from werkzeug.wrappers import Response as AnyResponse

from medianest.page.asking import act
from medianest.page.common import Fault, door, pages, surroundings
from medianest.page.door import LoginNeeded
from medianest.page.live import framed, html_page
from medianest.page.rendering import render_template, url_for
from medianest.resilience import CallRefusedError
from medianest.storage import StorageError
from medianest.web.core import core
from medianest.web.problem_kinds import KINDS
from medianest.web.problems import ProblemError
from medianest.web.views.circuit_breakers import act_on_circuit_breaker
from medianest.web.views.silences import end_silence, silence_alert

__all__ = ["act_on_breaker", "acting", "silence", "unsilence"]

_DONE: Final = {
    "open": "is held open",
    "close": "is closed",
    "reset": "is closed, and its figures begin anew",
    "disable": "is switched off: every call is made",
    "enable": "works by itself again",
}

Deed = Callable[..., tuple[str, str]]


def acting(shown: str) -> Callable[[Deed], Callable[..., AnyResponse]]:
    """Do what a form of the page `shown` wants, for operators alone. The view returns where to go
    on, and what to say there."""

    def decorate(deed: Deed) -> Callable[..., AnyResponse]:
        @wraps(deed)
        def done(**path: Any) -> AnyResponse:
            try:
                door().act()
                where, notice = deed(**path)
            except LoginNeeded:
                return redirect(url_for("page.show_login", next=_back(shown, path)), 303)
            except ProblemError as error:
                return _fault(error.detail, KINDS[error.kind].status, _back(shown, path))
            except (StorageError, CallRefusedError) as error:
                return _fault(f"The database does not answer: {error}", 503, _back(shown, path))
            return redirect(door().with_notice(where, notice), 303)

        return done

    return decorate


def _back(shown: str, path: Mapping[str, str]) -> str:
    """Where the form was."""
    return url_for(f"page.{shown}", **(path if shown == "show_breaker" else {}))


def _fault(detail: str, status: int, back: str) -> AnyResponse:
    main = render_template("page/fault.html", shown=Fault(detail, back))
    return html_page(framed("fault", "operator", main, surroundings()), status)


@pages.post("/breakers/<path:name>")
@acting("show_breaker")
def act_on_breaker(name: str) -> tuple[str, str]:
    """Hold it open, switch it off, close it, or let it work by itself again."""
    form = request.form
    action = form.get("action", "")
    lasts = form.get("lasts", "") if action in ("open", "disable") else ""
    values = {
        "action": action,
        "reason": form.get("reason"),
        "expires_in_seconds": _seconds(lasts),
    }
    result, _ = act(act_on_circuit_breaker, values, name=name)
    kept = result.kept
    problem = f" This process obeys, but it is {kept.problem}." if kept and kept.problem else ""
    if kept and not kept.problem:
        problem = _unless(kept.file or kept.database)
    where = url_for("page.show_breaker", name=result.circuit_breaker.name)
    return where, f"{result.circuit_breaker.name} {_DONE[action]}.{problem}"


@pages.post("/alerts/<path:key>/silence")
@acting("show_alerts")
def silence(key: str) -> tuple[str, str]:
    """Tell nobody of an alert for a while."""
    form = request.form
    values = {"reason": form.get("reason"), "duration_seconds": _seconds(form.get("lasts", ""))}
    made, _ = act(silence_alert, values, key=key)
    return url_for("page.show_alerts"), f"{made.key} is silenced.{_unless(made.kept)}"


@pages.post("/alerts/<path:key>/end-silence")
@acting("show_alerts")
def unsilence(key: str) -> tuple[str, str]:
    """Tell people of an alert again."""
    ended, _ = act(end_silence, {}, key=key)
    return url_for("page.show_alerts"), f"{ended.key} is told again.{_unless(ended.kept)}"


def _unless(kept: bool) -> str:
    return "" if kept else f" This process obeys; {core().unkept}."


def _seconds(text: str) -> float | None:
    """What a field of a form says; None: for good."""
    try:
        return float(text) if text else None
    except ValueError:
        raise ProblemError("invalid", "lasts: must be a number of seconds") from None
