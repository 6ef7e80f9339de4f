"""What is off for want of a setting that nothing else can stand in for."""

from __future__ import annotations

from medianest.config.settings import Settings

__all__ = ["missing"]


def missing(settings: Settings) -> tuple[str, ...]:
    """One line each: the variable, and what is off without it. Overseerr is for those who have
    one."""
    plex, overseerr = settings.plex, settings.overseerr
    found = []
    if plex.url is None:
        found.append("MEDIANEST_PLEX_URL is not set: libraries, items and sessions are off")
    elif plex.token is None:
        found.append(
            "MEDIANEST_PLEX_TOKEN is not set: libraries, items and sessions are off, unless Plex "
            "lets this server in without one"
        )
    if overseerr.url is not None and overseerr.api_key is None:
        found.append("MEDIANEST_OVERSEERR_API_KEY is not set: requests for titles are off")
    return tuple(found)
