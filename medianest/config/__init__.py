"""Settings and where they come from."""

from medianest.config.settings import Environment, PlexSettings, Settings, UpstreamSettings

__all__ = ["Environment", "PlexSettings", "Settings", "UpstreamSettings"]
