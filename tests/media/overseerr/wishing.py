"""Wishes for titles."""

from collections.abc import Iterable
from typing import Any, Literal

from medianest.media.overseerr.wish import MediaType, Wish


def wish(
    kind: MediaType, number: int, seasons: Iterable[int] | Literal["all"] = (), **more: Any
) -> Wish:
    return Wish(kind, number, seasons if seasons == "all" else tuple(seasons), **more)
