"""The app factory: reads the settings, builds the parts, wires them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from medianest.config import Settings
from medianest.media.plex import Plex
from medianest.resilience import Clock, Registry, ResilienceService, default_registry
from medianest.web import Resilience, health, media, resilience
from medianest.web.auth import Tokens, ensure_operator_token
from medianest.web.parts import Lifecycle, Parts
from medianest.web.problems import init_problems

__all__ = ["create_app"]


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
    registry = Registry(clock=clock, parent=default_registry)
    service = ResilienceService(registry)

    app = _flask(settings)
    Resilience(app, registry=registry)
    app.extensions["medianest"] = Parts(
        settings=settings,
        service=service,
        plex=Plex(settings.plex, service),
        tokens=Tokens(settings),
        lifecycle=Lifecycle(started_at=registry.clock.now()),
    )
    init_problems(app)
    for blueprint in (health.blueprint, resilience.blueprint, media.blueprint):
        app.register_blueprint(blueprint)
    return app


def _flask(settings: Settings) -> Flask:
    app = Flask(__name__, instance_path=str(settings.instance_path.resolve()), static_folder=None)
    app.config.update(
        TESTING=settings.env == "testing",
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        RESILIENCE_MAX_IN_FLIGHT=settings.in_flight_limit,
        RESILIENCE_NEVER_SHED=("/api/v1/health", "/api/v1/resilience"),
        RESILIENCE_REQUEST_TIMEOUT=settings.request_timeout,
    )
    app.url_map.merge_slashes = False  # its redirects would name whatever Host the client sent
    app.json.sort_keys = False  # type: ignore[attr-defined]
    return app
