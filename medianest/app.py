"""The app factory: reads the settings, builds the container, and puts both into a Flask app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from medianest import __version__
from medianest.cli.command import command
from medianest.config import Settings
from medianest.flask import Resilience
from medianest.monitoring.checks import QUEUE
from medianest.page.common import PATHS
from medianest.page.server_page import init_page
from medianest.resilience import Clock, Registry, default_registry
from medianest.server.background import BackgroundJobs
from medianest.web.auth import ensure_operator_token, session_key
from medianest.web.container import Container
from medianest.web.endpoints import register_endpoints
from medianest.web.headers import send_security_headers
from medianest.web.hosts import check_hosts
from medianest.web.looks import Looks, likeness
from medianest.web.problems import init_problems
from medianest.web.proxies import Proxies
from medianest.web.traffic import LOOKS, name_callers, record, routes_of
from medianest.web.views import (
    badge,
    components,
    dashboard,
    docs,
    media,
    prometheus,
    queue,
    registrations,
    requests,
    status,
)

__all__ = ["create_app"]

_OWN = (
    components.blueprint, status.brief, registrations.blueprint, queue.blueprint, media.blueprint,
    requests.blueprint, dashboard.blueprint, prometheus.blueprint, badge.blueprint, docs.blueprint,
)  # fmt: skip
"""What only the server has."""


def create_app(
    settings: Settings | Mapping[str, Any] | None = None, *, clock: Clock | None = None
) -> Flask:
    """The app for these settings, or for the environment's when none (or only some of them, in
    the shape of medianest.toml) are given. Starts no thread and opens no connection.

    Raises ConfigurationError with one line when a setting is wrong.
    """
    if not isinstance(settings, Settings):
        settings = Settings.load(overrides=settings)
    settings = ensure_operator_token(settings)
    app = _flask(settings)
    registry = Registry(clock=clock, parent=default_registry)
    admission = Resilience(registry=registry).init_app(app).admission
    made = Container(settings, registry, routes_of(app, (*LOOKS, *PATHS)), admission.places)
    app.extensions["medianest"] = made
    app.extensions["medianest.background"] = _background(made)
    check_hosts(app, settings)
    send_security_headers(app)
    init_problems(app)
    app.cli.add_command(command)
    dashboard.register_recovery(made.service.recovery)
    register_endpoints(app)
    for blueprint in _OWN:
        app.register_blueprint(blueprint)
    init_page(app, made)
    name_callers(app, admission.sheds)
    _answer_as_one(app, made)
    record(app, made.monitoring.traffic)
    if settings.trusted_proxies:
        app.wsgi_app = Proxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    made.overrides.follow()  # before the first request, and whatever the database does
    return app


def _background(made: Container) -> BackgroundJobs:
    return BackgroundJobs(
        made.jobs(),
        made.monitoring.monitor,
        made.lifecycle,
        made.registry.clock,
        has_tables=lambda: made.storage.migrator.is_current,
        need_tables=(QUEUE,),
        run_check=made.together.run,
    )


def _answer_as_one(app: Flask, made: Container) -> None:
    """What looks is answered by one of the workers, which have all been set up alike."""
    settings, reception = made.settings, made.reception
    tokens = settings.client_token and settings.client_token.get_secret_value()
    like = likeness(__version__, settings.model_dump_json(), session_key(settings), tokens)
    looks = Looks(app.wsgi_app, (*LOOKS, *PATHS), reception.elected, like)
    reception.answer = looks.answer
    app.wsgi_app = looks  # type: ignore[method-assign]


def _flask(settings: Settings) -> Flask:
    app = Flask(__name__, instance_path=str(settings.instance_path.resolve()), static_folder=None)
    app.config.update(
        TESTING=settings.env == "testing",
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        RESILIENCE_MAX_IN_FLIGHT=settings.in_flight_limit,
        RESILIENCE_NEVER_SHED=("/api/v1/health", "/api/v1/resilience", *PATHS),
        RESILIENCE_REQUEST_TIMEOUT=settings.request_timeout,
    )
    app.url_map.merge_slashes = False  # its redirects would name whatever Host the client sent
    app.json.sort_keys = False  # type: ignore[attr-defined]
    return app
