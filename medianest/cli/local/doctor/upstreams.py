"""Whether Plex and Overseerr answer, take our token or key, and have the same time as we."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime

from medianest.cli.local.doctor.finding import Finding, fault, good, note
from medianest.cli.screen.words import age
from medianest.config import Settings, UpstreamSettings
from medianest.media.errors import (
    ForeignAnswerError,
    InvalidAnswerError,
    MediaError,
    RejectedError,
    SlowError,
    UnreachableError,
    UnresolvableError,
)
from medianest.media.http import UpstreamHttp
from medianest.media.overseerr.client import API, OverseerrClient
from medianest.media.plex.client import PlexClient
from medianest.resilience import Deadline, DeadlineExceededError
from medianest.resilience.clock import SystemClock

__all__ = ["examine_clock", "examine_overseerr", "examine_plex"]

_MOST_SECONDS_OFF = 30.0
_MOST_BYTES = 256 * 1024


def examine_plex(settings: Settings, seconds: float) -> Finding:
    """Plex, with the token."""
    plex = settings.plex
    if plex.url is None:
        return _not_set("MEDIANEST_PLEX_URL", settings)
    client = PlexClient(plex.url, plex)
    try:
        return _examined(
            plex, seconds, "MEDIANEST_PLEX_TOKEN", lambda: f"{len(client.libraries())} libraries"
        )
    finally:
        client.close()


def examine_overseerr(settings: Settings, seconds: float) -> Finding:
    """Overseerr, with the key."""
    overseerr = settings.overseerr
    if overseerr.url is None:
        return _not_set("MEDIANEST_OVERSEERR_URL", settings)
    client = OverseerrClient(overseerr.url, overseerr)
    try:
        return _examined(
            overseerr, seconds, "MEDIANEST_OVERSEERR_API_KEY", lambda: _answering(client)
        )
    finally:
        client.close()


def examine_clock(settings: Settings, seconds: float) -> Finding:
    """The clock here beside those of the upstreams."""
    clock = SystemClock()
    asked = (
        ("Plex", settings.plex, "/identity"),
        ("Overseerr", settings.overseerr, f"{API}/status"),
    )
    found = {}
    for name, upstream, path in asked:
        if (
            upstream.url is not None
            and (there := _time_of(upstream, path, seconds / 2)) is not None
        ):
            found[name] = (clock.utc() - there).total_seconds()
    if not found:
        return note("nobody to compare it with")
    for name, ahead in found.items():
        if abs(ahead) > _MOST_SECONDS_OFF:
            side = "ahead of" if ahead > 0 else "behind"
            told = f"the clock here is {age(abs(ahead))} {side} that of {name}"
            return fault(told, "set both by NTP: timedatectl set-ntp true")
    return good(f"as that of {' and '.join(found)}")


def _examined(
    upstream: UpstreamSettings, seconds: float, secret: str, ask: Callable[[], str]
) -> Finding:
    try:
        with Deadline(seconds, name=upstream.prefix).scope():
            return good(f"{upstream.url} answers: {ask()}")
    except MediaError as error:
        return fault(str(error), _remedy(error, f"{upstream.prefix}_URL ({upstream.url})", secret))
    except DeadlineExceededError:
        told = f"{upstream.url} did not answer in time"
        return fault(told, "restart it, or look at its load")


def _remedy(error: MediaError, address: str, secret: str) -> str:
    if isinstance(error, RejectedError):
        return f"set {secret} to one that this server knows"
    if isinstance(error, UnresolvableError):
        return f"check the name in {address}"
    if isinstance(error, UnreachableError):
        return f"check that it runs, and {address}"
    if isinstance(error, SlowError):
        return "it takes the connection and says nothing: restart it, or look at its load"
    if isinstance(error, ForeignAnswerError | InvalidAnswerError):
        return f"check {address}: something else answers there"
    return f"look at its own log; {address} is asked"


def _answering(client: OverseerrClient) -> str:
    return "it has no request yet" if not client.requests(0, 1).results else "it has requests"


def _not_set(variable: str, settings: Settings) -> Finding:
    if settings.env == "development" and settings.sandbox:
        return note(f"not set: a sandbox stands in for it; {variable} names your own")
    return note(f"not set: what needs it is off; {variable} names it")


def _time_of(upstream: UpstreamSettings, path: str, seconds: float) -> datetime | None:
    """What its clock says; None where it does not."""
    http = UpstreamHttp(
        "clock", str(upstream.url), headers={}, timeout=seconds, max_bytes=_MOST_BYTES,
        connections=1, tls=upstream.tls,
    )  # fmt: skip
    try:
        return parsedate_to_datetime(http.ask("GET", path).headers.get("Date") or "")
    except (MediaError, DeadlineExceededError, ValueError):
        return None  # that it does not answer is told of itself
    finally:
        http.close()
