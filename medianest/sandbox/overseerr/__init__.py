"""A sandbox Overseerr over the same invented library as the sandbox Plex."""

from medianest.sandbox.overseerr.server import OverseerrServer

__all__ = ["OverseerrServer"]
