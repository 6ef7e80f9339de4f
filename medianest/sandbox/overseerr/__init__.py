"""A sandbox Overseerr, or Seerr, over the same invented library as the sandbox Plex."""

from medianest.sandbox.overseerr.flavours import FLAVOURS
from medianest.sandbox.overseerr.server import OverseerrServer

__all__ = ["FLAVOURS", "OverseerrServer"]
