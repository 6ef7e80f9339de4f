"""Settings and where they come from."""

from medianest.config.health import AlertSettings, HealthSettings
from medianest.config.missing import missing
from medianest.config.redis import RedisSettings
from medianest.config.secrets import Secrets
from medianest.config.sections import (
    DatabaseSettings,
    OverseerrSettings,
    PlexSettings,
    QueueSettings,
    UpstreamSettings,
    UpstreamTls,
)
from medianest.config.settings import Environment, Settings

__all__ = [
    "AlertSettings",
    "DatabaseSettings",
    "Environment",
    "HealthSettings",
    "OverseerrSettings",
    "PlexSettings",
    "QueueSettings",
    "RedisSettings",
    "Secrets",
    "Settings",
    "UpstreamSettings",
    "UpstreamTls",
    "missing",
]
