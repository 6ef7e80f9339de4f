"""The surface of an app's resilience: its endpoints, its page, its metrics and its commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from weakref import WeakMethod

from flask import Blueprint, Flask, Response
from werkzeug.routing import Rule

from medianest.flask.app_core import AppCore
from medianest.flask.commands import app_command
from medianest.flask.door import AppDoor
from medianest.flask.gate import Gate
from medianest.flask.paths import Paths
from medianest.flask.shared import Shared
from medianest.flask.watching import Watching
from medianest.guards.guarded_app import GuardedApp
from medianest.page.common import EXTENSION as PAGE
from medianest.page.page import page_blueprint
from medianest.page.problem import app_pages, problem_page
from medianest.resilience import ConfigurationError
from medianest.web.core import CORE
from medianest.web.endpoint import endpoint_of
from medianest.web.endpoints import register_endpoints
from medianest.web.headers import send_security_headers
from medianest.web.problem_kinds import pages as problem_pages
from medianest.web.problems import problem_of
from medianest.web.traffic import Services, name_callers, record, routes_of
from medianest.web.views.prometheus import get_prometheus_metrics

__all__ = ["add_surface"]

_NAME: Final = "medianest"
"""Of the blueprint that has all of it."""


def add_surface(
    app: Flask,
    guarded: GuardedApp,
    shared: Shared,
    paths: Paths,
    gate: Gate,
) -> Watching:
    """Give an app what it wants; what is to be done beside its requests from now on. Raises
    ConfigurationError."""
    _refuse_taken(app, paths)
    admission, service = guarded.admission, shared.service
    made = AppCore(
        app,
        shared,
        gate,
        routes_of(app, paths.looks(), _services_of(guarded)),
        admission.places,
        base=paths.endpoints,
        metrics=paths.metrics,
    )
    _register(app, paths)
    if paths.page is not None:
        made.problem_page = problem_page
    app.extensions[CORE] = made
    app.extensions[PAGE] = AppDoor(app, gate, service.registry.clock)
    name_callers(app, admission.sheds)
    record(app, made.monitoring.traffic)
    made.overrides.follow()
    return Watching(made.jobs(), service.monitor, service.registry.clock)


def _services_of(guarded: GuardedApp) -> Services:
    """What its guards say, as long as it is there."""
    ask = WeakMethod(guarded.services_of)

    def services_of(rule: Rule, view: Callable[..., Any]) -> tuple[str, ...]:
        services = ask()
        return () if services is None else services(rule, view)

    return services_of


def _refuse_taken(app: Flask, paths: Paths) -> None:
    """What the app has there already would be found first, and hide ours."""
    views = {rule.rule.rstrip("/"): rule.endpoint for rule in app.url_map.iter_rules()}
    for name, path in (("page", paths.page), ("metrics", paths.metrics)):
        if path in views:
            raise ConfigurationError(
                f"{name}: the app has a view at {path} already, {views[path]!r}: give another path"
            )
    if _NAME in app.blueprints:
        raise ConfigurationError(f"this app has a blueprint {_NAME!r} of its own already")


def _register(app: Flask, paths: Paths) -> None:
    room = Blueprint(_NAME, __name__)
    send_security_headers(room)
    if paths.endpoints is not None:
        register_endpoints(room, paths.endpoints)
        room.register_blueprint(problem_pages, url_prefix=f"{paths.endpoints}/problems")
        app.cli.add_command(app_command(paths.endpoints))
    if paths.metrics is not None:
        room.add_url_rule(paths.metrics, view_func=get_prometheus_metrics)
    if paths.page is not None:
        room.register_blueprint(page_blueprint(app_pages), url_prefix=paths.page)
    app.register_blueprint(room)
    for name, view in list(app.view_functions.items()):
        if name.startswith(f"{_NAME}.") and endpoint_of(view) is not None:
            app.view_functions[name] = _answering(view)


def _answering(view: Callable[..., Any]) -> Callable[..., Any]:
    """An endpoint whose errors are problems, whatever the app makes of errors of its own."""

    @wraps(view)
    def answer(**path: Any) -> Response:
        try:
            found: Response = view(**path)
        except Exception as error:
            return problem_of(error)
        return found

    return answer
