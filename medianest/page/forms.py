"""What operators do on the pages: each form does what an endpoint of the API does."""

from __future__ import annotations

from typing import Final

from flask import request

from medianest.page.acting import acting, reason
from medianest.page.asking import act
from medianest.page.common import pages
from medianest.page.rendering import url_for
from medianest.web.core import core
from medianest.web.problems import invalid
from medianest.web.views.circuit_breakers import act_on_circuit_breaker
from medianest.web.views.overrides import Applied
from medianest.web.views.silences import end_silence, silence_alert

__all__ = ["act_on_breaker", "silence", "unsilence"]

_DONE: Final = {
    "open": "is held open",
    "close": "is closed",
    "reset": "is closed, and its figures begin anew",
    "disable": "is switched off: every call is made",
    "enable": "works by itself again",
}


@pages.post("/breakers/<path:name>")
@acting("show_breaker")
def act_on_breaker(name: str) -> tuple[str, str]:
    """Hold it open, switch it off, close it, or let it work by itself again."""
    form = request.form
    action = form.get("action", "")
    holds = action in ("open", "disable")
    seconds = _seconds(form.get("lasts", "")) if holds else None
    values = {"action": action, "reason": reason(needed=holds), "expires_in_seconds": seconds}
    result, _ = act(act_on_circuit_breaker, values, name=name)
    kept = result.kept
    problem = f" This process obeys, but it is {kept.problem}." if kept and kept.problem else ""
    if kept and not kept.problem:
        problem = _unless(kept.file or kept.database)
    where = url_for("page.show_breaker", name=result.circuit_breaker.name)
    told = f"{result.circuit_breaker.name} {_DONE[action]}.{problem}"
    return where, told + (_workers(kept.applied) if kept else "")


@pages.post("/alerts/<path:key>/silence")
@acting("show_alerts")
def silence(key: str) -> tuple[str, str]:
    """Tell nobody of an alert for a while."""
    seconds = _seconds(request.form.get("lasts", ""))
    values = {"reason": reason(needed=True), "duration_seconds": seconds}
    made, _ = act(silence_alert, values, key=key)
    return url_for("page.show_alerts"), f"{made.key} is silenced.{_unless(made.kept)}"


@pages.post("/alerts/<path:key>/end-silence")
@acting("show_alerts")
def unsilence(key: str) -> tuple[str, str]:
    """Tell people of an alert again."""
    ended, _ = act(end_silence, {}, key=key)
    return url_for("page.show_alerts"), f"{ended.key} is told again.{_unless(ended.kept)}"


def _workers(applied: Applied | None) -> str:
    """How many obey, where there are several."""
    if applied is None or applied.of == 1:
        return ""
    silent = f": {', '.join(applied.silent)} has not answered" if applied.silent else ""
    return f" {applied.workers} of {applied.of} workers obey{silent}."


def _unless(kept: bool) -> str:
    return "" if kept else f" This process obeys; {core().unkept}."


def _seconds(text: str) -> float | None:
    """What a field of a form says; None: for good."""
    try:
        return float(text) if text else None
    except ValueError:
        raise invalid("lasts", "must be a number of seconds") from None
