"""All looks at once, and none that takes longer than it may."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from medianest.cli.bounded import Errand
from medianest.cli.local.doctor.finding import Finding, fault
from medianest.cli.local.doctor.folder import examine_folder
from medianest.cli.local.doctor.port import examine_port
from medianest.cli.local.doctor.settings import load_settings
from medianest.cli.local.doctor.stores import examine_database, examine_redis
from medianest.cli.local.doctor.upstreams import examine_clock, examine_overseerr, examine_plex
from medianest.cli.local.doctor.versions import examine_versions
from medianest.config import Settings
from medianest.resilience.clock import SystemClock

__all__ = ["examine"]

_SPARE = 1.0
"""Seconds for a look to say itself that it took too long."""

Look = Callable[[], Finding | Iterable[Finding]]


def examine(seconds: float) -> list[tuple[str, Finding]]:
    """What each look finds, by its subject, within so many seconds and a little. What needs
    settings is left out where they are wrong."""
    settings, found = load_settings()
    clock = SystemClock()
    until = clock.now() + seconds + _SPARE
    errands = [(subject, Errand(look)) for subject, look in _looks(settings, seconds)]
    results = [("settings", each) for each in found]
    for subject, errand in errands:
        results += [(subject, each) for each in _found(errand, until - clock.now())]
    return results


def _looks(settings: Settings | None, seconds: float) -> list[tuple[str, Look]]:
    anyway: list[tuple[str, Look]] = [
        ("port", partial(examine_port, seconds)),
        ("versions", examine_versions),
    ]
    if settings is None:
        return anyway
    return [
        ("folder", lambda: list(examine_folder(settings))),
        ("database", partial(examine_database, settings, seconds)),
        ("Redis", partial(examine_redis, settings, seconds)),
        ("Plex", partial(examine_plex, settings, seconds)),
        ("Overseerr", partial(examine_overseerr, settings, seconds)),
        ("clock", partial(examine_clock, settings, seconds)),
        *anyway,
    ]


def _found(errand: Errand[Finding | Iterable[Finding]], seconds: float) -> list[Finding]:
    try:
        found = errand.result(max(0.0, seconds))
    except TimeoutError:
        return [fault("it hangs", "restart it, or look at the network between")]
    except Exception as error:  # a look that fails must not hide the others
        return [fault(f"{type(error).__name__}: {error}", "tell the authors: this is a bug")]
    return [found] if isinstance(found, Finding) else list(found)
