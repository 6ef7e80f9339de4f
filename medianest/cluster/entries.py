"""Overrides as entries of what hosts have in common. Whoever may write there can write anything."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Final

from medianest.cluster.tier import LARGEST, LONGEST_NAME
from medianest.overrides.override import Override

__all__ = ["entry_of", "override_of"]

_CLOCKS_AGREE: Final = timedelta(days=1)


def entry_of(override: Override) -> bytes | None:
    """None for one that is too large for others."""
    entry = json.dumps(override.as_dict()).encode()
    fits = len(entry) <= LARGEST and len(override.breaker) <= LONGEST_NAME
    return entry if fits else None


def override_of(name: str, entry: bytes, now: datetime) -> Override | None:
    """What `entry_of` made; None for anything else, and for what could not be kept or shown
    everywhere."""
    try:
        found = Override.of(json.loads(entry))
        for instant in (found.at, found.expires_at):
            if instant is not None:
                instant.astimezone(UTC)
        for text in (found.reason, found.actor):
            (text or "").encode()
    except (ValueError, OverflowError, RecursionError):
        return None
    is_named = found.breaker == name and name.isprintable() and 0 < len(name) <= LONGEST_NAME
    # A revision is the time of day. With one of the far future nobody could ever say otherwise.
    latest = (now + _CLOCKS_AGREE).timestamp() * 1000
    return found if is_named and found.revision <= latest else None
