"""The app factory: reads the settings, builds the parts, wires them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Flask, g, has_request_context, request

from medianest.bridges.circuitbreaker.others import other_breakers
from medianest.cache.redis import RedisServer
from medianest.cli import init_cli
from medianest.config import Secrets, Settings
from medianest.flask import Resilience
from medianest.flask.admission import Admission
from medianest.media.overseerr.service import Overseerr
from medianest.media.plex.service import Plex
from medianest.media.requests import MediaRequests
from medianest.monitoring.notifier import Notifier
from medianest.monitoring.wiring import Subjects, make_monitoring
from medianest.overrides.file import OverrideFile
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.store import OverrideStore
from medianest.queue.admin import QueueAdmin
from medianest.queue.runner import QueueRunner
from medianest.queue.store import DeferredQueue
from medianest.recovering import wire_recovery
from medianest.resilience import (
    Clock,
    ErrorRecoveryManager,
    Registry,
    ResilienceService,
    default_registry,
)
from medianest.resilience.cascade import CascadeMonitor, Work
from medianest.storage import Database
from medianest.storage.compartments import Caller
from medianest.storage.records import Audit, HistoryJournal
from medianest.web.auth import Tokens, ensure_operator_token
from medianest.web.headers import send_security_headers
from medianest.web.hosts import check_hosts
from medianest.web.parts import Lifecycle, Parts
from medianest.web.problems import init_problems
from medianest.web.proxies import Proxies
from medianest.web.trace import trace_id
from medianest.web.traffic import Routes, record
from medianest.web.views import (
    components,
    dashboard,
    dependencies,
    docs,
    health,
    media,
    metrics,
    overrides,
    prometheus,
    queue,
    recovery,
    requests,
    resilience,
    status,
)

__all__ = ["create_app"]

_BLUEPRINTS = (
    health, components, metrics, status, resilience, dependencies, recovery, queue,
    media, requests, dashboard, prometheus, docs, overrides,
)  # fmt: skip


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

    notifier = Notifier(settings.alerts.urls, registry.clock)
    app = _flask(settings)
    admission = Resilience(registry=registry).init_app(app).admission
    built = _parts(settings, registry, Routes(app), admission)
    built.monitoring.alerts.sinks.append(notifier)
    app.extensions["medianest"] = built
    app.extensions["medianest.notifier"] = notifier
    record(app, built.monitoring.traffic)
    check_hosts(app, settings)
    send_security_headers(app)
    init_problems(app)
    init_cli(app)
    for module in _BLUEPRINTS:
        app.register_blueprint(module.blueprint)
    if settings.trusted_proxies:
        app.wsgi_app = Proxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    built.overrides.follow()  # before the first request, and whatever the database does
    return app


def _parts(settings: Settings, registry: Registry, routes: Routes, admission: Admission) -> Parts:
    places = admission.places
    clock, cascade = registry.clock, CascadeMonitor(registry, routes.of_service)
    registry.hold_retries = partial(cascade.held_back, Work.RETRY)
    manager = ErrorRecoveryManager(
        clock=clock,
        ambient=_who_and_which,
        held_back=lambda action: cascade.held_back(Work.OPTIONAL) if action.optional else None,
    )
    service = ResilienceService(registry, recovery=manager)
    database = Database(
        settings.database_url,
        settings.database,
        service,
        threads=settings.threads,
        in_flight=settings.in_flight_limit,
        caller=partial(_caller, admission),
    )
    redis = _redis(settings, service)
    deferred = DeferredQueue(database, settings.queue, clock)
    queue_runner = QueueRunner(deferred, registry, settings.queue, cascade)
    queue_admin = QueueAdmin(database, settings.queue, clock)
    lifecycle = Lifecycle(started_at=clock.now())
    secrets = Secrets.of(settings)
    overseerr = Overseerr(settings.overseerr, service, secrets)
    wire_recovery(manager, registry, database, queue_runner)
    plex = Plex(settings.plex, service, redis, secrets)
    return Parts(
        settings=settings,
        service=service,
        plex=plex,
        overseerr=overseerr,
        requests=MediaRequests(overseerr, queue_runner, queue_admin, manager),
        database=database,
        redis=redis,
        queue_runner=queue_runner,
        queue_admin=queue_admin,
        history=HistoryJournal(database, manager.history),
        audit=Audit(database, clock),
        cascade=cascade,
        tokens=Tokens(settings, clock),
        overrides=OverrideKeeper(
            registry,
            OverrideFile(settings.instance_path / "overrides.json", clock),
            OverrideStore(database),
        ),
        monitoring=make_monitoring(
            Subjects(
                settings,
                service,
                cascade,
                routes,
                places,
                database,
                redis,
                plex,
                overseerr,
                queue_admin,
                lifecycle,
            )
        ),
        other_breakers=partial(other_breakers, registry),
        lifecycle=lifecycle,
    )


def _caller(admission: Admission) -> Caller:
    """For whom this thread works now."""
    if not has_request_context():
        return "background"
    return "client" if admission.sheds(request.path) else "operator"


def _redis(settings: Settings, service: ResilienceService) -> RedisServer | None:
    if settings.redis.url is None:
        return None
    url = settings.redis.url.get_secret_value()
    return RedisServer(url, settings.redis, service, threads=settings.threads)


def _who_and_which() -> dict[str, Any]:
    """For whom a call failed, and in which request."""
    user = g.get("actor") if has_request_context() else None
    return {"user": user, "correlation_id": trace_id()}


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
