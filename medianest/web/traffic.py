"""What comes through the door: every request counted by its route."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from flask import Flask, Response, request

from medianest.health.traffic import Route, Traffic
from medianest.web.parts import routes_of

__all__ = ["Routes", "record"]

_ANSWERED = "medianest.answered"
_NOWHERE = "(none)"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LOOKS = ("/api/v1/health", "/api/v1/resilience", "/metrics", "/docs", "/problems")

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Routes:
    """Which services the routes of an app call."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def of_service(self, service: str) -> tuple[str, ...]:
        """The routes that call a service, as "GET /path"."""
        return routes_of(self._app, service)

    def services_of(self, route: Route) -> tuple[str, ...] | None:
        """The services that a route calls; None for one that says nothing of how people are
        served: probes, the looks of operators, paths that lead nowhere."""
        if route.route == _NOWHERE or route.route.startswith(_LOOKS):
            return None
        return self._services.get(route.route, ())

    @cached_property
    def _services(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for rule in self._app.url_map.iter_rules():
            endpoint = getattr(self._app.view_functions[rule.endpoint], "endpoint", None)
            services = endpoint.services if endpoint is not None else ()
            found[rule.rule] = (*found.get(rule.rule, ()), *services)
        return found


def record(app: Flask, traffic: Traffic) -> None:
    """Count every request of an app from now on."""
    inside: Wsgi = app.wsgi_app

    def counted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = traffic.begin()
        try:
            return inside(environ, start_response)
        finally:
            method = environ.get("REQUEST_METHOD", "")
            route, status = environ.get(_ANSWERED, (_NOWHERE, 500))
            traffic.end(began, method if method in _METHODS else "(other)", route, status)

    app.after_request(_note_answer)
    app.wsgi_app = counted  # type: ignore[method-assign]


def _note_answer(response: Response) -> Response:
    rule = request.url_rule
    request.environ[_ANSWERED] = (_NOWHERE if rule is None else rule.rule, response.status_code)
    return response
