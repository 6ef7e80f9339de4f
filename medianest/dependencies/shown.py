"""What may be shown of a URL that is watched."""

from __future__ import annotations

from medianest.config.secrets import HIDDEN

__all__ = ["shown_url"]


def shown_url(url: str) -> str:
    """The URL with each value in its query hidden: nobody knows which of them is a key."""
    place, mark, query = url.partition("?")
    return place + mark + "&".join(map(_shown, query.split("&")))


def _shown(parameter: str) -> str:
    name, sign, value = parameter.partition("=")
    if sign:
        return f"{name}={HIDDEN}" if value else parameter
    return HIDDEN if parameter else ""
