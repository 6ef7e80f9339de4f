"""Through what the hosts know of each other."""

from __future__ import annotations

from sqlalchemy import make_url

from medianest.cluster.postgres import PostgresTier
from medianest.cluster.redis import RedisTier
from medianest.cluster.tier import Tier
from medianest.config import Settings

__all__ = ["tier_of"]


def tier_of(settings: Settings) -> Tier | None:
    """Redis where there is one, else the database where other hosts can reach it; None: this host
    is alone."""
    if settings.redis.url is not None:
        return RedisTier(settings.redis.url.get_secret_value())
    if make_url(settings.database_url).get_backend_name() == "postgresql":
        return PostgresTier(settings.database_url)
    return None
