"""The parts of the app that its views use, kept in `app.extensions["medianest"]`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from medianest.config import Settings
from medianest.media.plex import Plex
from medianest.resilience import Registry, ResilienceService
from medianest.web.auth import Tokens

__all__ = ["Lifecycle", "Parts", "parts"]


@dataclass
class Lifecycle:
    """When this process began to serve, and whether it is about to stop."""

    started_at: float
    draining: bool = False


@dataclass(frozen=True)
class Parts:
    """What the views work with."""

    settings: Settings
    service: ResilienceService
    plex: Plex
    tokens: Tokens
    lifecycle: Lifecycle = field(repr=False)

    @property
    def registry(self) -> Registry:
        """The shared registry."""
        return self.service.registry


def parts() -> Parts:
    """The parts of the current app."""
    return cast(Parts, current_app.extensions["medianest"])
