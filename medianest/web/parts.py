"""The parts of the app that its views use, kept in `app.extensions["medianest"]`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app

from medianest.config import Settings
from medianest.media.overseerr import Overseerr
from medianest.media.plex import Plex
from medianest.media.requests import MediaRequests
from medianest.resilience import Registry, ResilienceService
from medianest.resilience.cascade import CascadeMonitor
from medianest.storage import Database
from medianest.storage.desk import QueueDesk
from medianest.storage.drain import Drainer
from medianest.storage.records import Audit, HistoryJournal
from medianest.storage.redis import RedisServer
from medianest.web.auth import Tokens

__all__ = ["Lifecycle", "Parts", "parts", "routes_of"]


@dataclass
class Lifecycle:
    """When this process began to serve, and whether it is about to stop."""

    started_at: float
    draining: bool = False
    schema: str | None = None
    """The revision of the database's tables; None until it has been seen."""
    schema_is_current: bool = False


@dataclass(frozen=True)
class Parts:
    """What the views work with."""

    settings: Settings
    service: ResilienceService
    plex: Plex
    overseerr: Overseerr
    requests: MediaRequests
    database: Database
    redis: RedisServer | None
    """None: everything stays in this process."""
    drainer: Drainer
    desk: QueueDesk
    history: HistoryJournal
    audit: Audit
    cascade: CascadeMonitor
    tokens: Tokens
    lifecycle: Lifecycle = field(repr=False)

    @property
    def registry(self) -> Registry:
        """The shared registry."""
        return self.service.registry


def routes_of(app: Flask, service: str) -> tuple[str, ...]:
    """The routes that call a service, as "GET /path"."""
    found = []
    for rule in app.url_map.iter_rules():
        endpoint = getattr(app.view_functions[rule.endpoint], "endpoint", None)
        if endpoint is not None and service in endpoint.services:
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            found += [f"{method} {rule.rule}" for method in methods]
    return tuple(sorted(found))


def parts() -> Parts:
    """The parts of the current app."""
    return cast(Parts, current_app.extensions["medianest"])
