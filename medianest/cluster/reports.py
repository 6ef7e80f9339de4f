"""What a host tells others of its circuit breakers. Whoever may write there can write anything, so
one odd breaker costs that breaker, and an odd report all of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from medianest.cluster.tier import LARGEST, LONGEST_NAME

__all__ = ["OpenThere", "Report", "entry_of", "report_of"]

_VERSION: Final = 1
_LONGEST_REASON: Final = 200
_LONGEST_TIME: Final = 86_400.0
_MOST_OPENINGS: Final = 1_000
_MOST_WELL: Final = 50


@dataclass(frozen=True, slots=True)
class OpenThere:
    """A breaker that is open: how many seconds ago it opened, or opened anew; in how many a probe
    is due; and the so-manieth time in a row. Seconds are those at the instant of the report."""

    ago: float
    left: float
    openings: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What is open on a host; what it wants to probe instead of another one; and what has come
    back for it just now."""

    open: Mapping[str, OpenThere] = field(default_factory=dict)
    wants: frozenset[str] = frozenset()
    well: frozenset[str] = frozenset()


def entry_of(report: Report) -> bytes | None:
    """None: there is nothing to tell. Where not all has room, what it wants to probe is told first,
    as it waits for that; then what opened last."""
    fits = [name for name in report.open if len(name) <= LONGEST_NAME]
    fits.sort(key=lambda name: (name not in report.wants, report.open[name].ago))
    well = sorted(name for name in report.well if len(name) <= LONGEST_NAME)[:_MOST_WELL]
    while True:
        body = {
            "v": _VERSION,
            "open": {name: _told(report.open[name]) for name in fits},
            "wants": sorted(report.wants & set(fits)),
            "well": well,
        }
        entry = json.dumps(body).encode()
        if len(entry) <= LARGEST:
            break
        longer = max(fits, well, key=len)
        del longer[len(longer) // 2 :]
    return entry if body["open"] or body["well"] else None


def _told(found: OpenThere) -> list[Any]:
    reason = found.reason and found.reason[:_LONGEST_REASON]
    return [round(found.ago, 3), round(found.left, 3), found.openings, reason]


def report_of(entry: bytes) -> Report | None:
    """What `entry_of` made; None for anything else."""
    try:
        body = json.loads(entry)
        if body["v"] != _VERSION:
            return None
        read = {str(name): _read(found) for name, found in body["open"].items()}
        return Report(
            {name: found for name, found in read.items() if found is not None},
            frozenset(filter(_is_name, body["wants"])),
            frozenset(filter(_is_name, body["well"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _read(found: Any) -> OpenThere | None:
    try:
        ago, left, openings, reason = found
        if any(isinstance(each, bool | str) for each in (ago, left, openings)):
            return None
        seconds = float(ago), float(left)
    except (TypeError, ValueError, OverflowError):
        return None
    if not all(map(math.isfinite, seconds)):
        return None
    if not (isinstance(openings, int) and 0 < openings <= _MOST_OPENINGS):
        return None
    if reason is not None and not isinstance(reason, str):
        return None
    ago, left = (min(max(0.0, each), _LONGEST_TIME) for each in seconds)
    return OpenThere(ago, left, int(openings), reason and reason[:_LONGEST_REASON])


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME
