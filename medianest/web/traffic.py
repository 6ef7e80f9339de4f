"""What comes through the door: every request counted by its route, and told for whom it is."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Flask, Response, request
from werkzeug.routing import Rule

from medianest.health.traffic import NOWHERE, Routes, Traffic
from medianest.storage.callers import CALLER, Caller

__all__ = [
    "LOOKS",
    "Services",
    "Wsgi",
    "answered",
    "name_callers",
    "note_answer",
    "record",
    "routes_of",
]

_ANSWERED = "medianest.answered"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LOOKS = ("/api/v1/health", "/api/v1/resilience", "/metrics", "/badge.svg", "/docs", "/problems")
"""Where programs look at the server."""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

Services = Callable[[Rule, Callable[..., Any]], tuple[str, ...]]


def services_of(rule: Rule, view: Callable[..., Any]) -> tuple[str, ...]:
    """Those that a view says it calls, if it is an endpoint."""
    endpoint = getattr(view, "endpoint", None)
    return endpoint.services if endpoint is not None else ()


def routes_of(app: Flask, looks: tuple[str, ...] = (), services: Services = services_of) -> Routes:
    """The routes of an app, when it has them all. `looks` are paths below which people and
    programs look at it; `services(rule, view)` are those that a view calls. Keeps no app alive:
    a registry asks for its routes, and may outlive it."""
    apps = weakref.ref(app)

    def known() -> Iterator[tuple[str, set[str], tuple[str, ...]]]:
        app = apps()
        if app is None:
            return
        for rule in app.url_map.iter_rules():
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            yield rule.rule, methods, services(rule, app.view_functions[rule.endpoint])

    return Routes(known, looks)


def name_callers(app: Flask, is_client: Callable[[str], bool]) -> None:
    """Have it known inside for whom a request is. `is_client(path)`: whether it is one of those
    that are shed, and not of an operator or a probe."""
    inside: Wsgi = app.wsgi_app

    def named(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        caller: Caller = "client" if is_client(environ.get("PATH_INFO", "")) else "operator"
        token = CALLER.set(caller)
        try:
            return inside(environ, start_response)
        finally:
            CALLER.reset(token)

    app.wsgi_app = named  # type: ignore[method-assign]


def record(app: Flask, traffic: Traffic) -> None:
    """Count every request of an app from now on."""
    inside: Wsgi = app.wsgi_app

    def counted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = traffic.begin()
        try:
            return inside(environ, start_response)
        finally:
            method = environ.get("REQUEST_METHOD", "")
            route, status = answered(environ) or (NOWHERE, 500)
            traffic.end(began, method if method in _METHODS else "(other)", route, status)

    app.after_request(_note_response)
    app.wsgi_app = counted  # type: ignore[method-assign]


def note_answer(environ: dict[str, Any], route: str, status: int) -> None:
    """How a request was answered."""
    environ[_ANSWERED] = (route, status)


def answered(environ: dict[str, Any]) -> tuple[str, int] | None:
    """By which route a request was answered, and with which status; None: it was not."""
    return environ.get(_ANSWERED)


def _note_response(response: Response) -> Response:
    rule = request.url_rule
    note_answer(request.environ, NOWHERE if rule is None else rule.rule, response.status_code)
    return response
