"""What the server says once it serves."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from medianest import __version__
from medianest.config import Settings, missing
from medianest.page.session import CODE_SECONDS, login_link
from medianest.resilience.clock import SystemClock
from medianest.server.address import reachable, shown

__all__ = ["show"]


def show(server: Any, settings: Settings, is_token_ours: bool) -> None:
    """Say where everything is, and what is not; an operator token of this server's own, too."""
    _warn_of_missing(settings)
    where = " and ".join(shown(address) for address in server.cfg.address)
    _say(f"MediaNest {__version__} ({settings.env}) on {where}")
    if server.cfg.workers > 1:
        _say(f"  {server.cfg.workers} workers: each has circuit breakers of its own")
    for line in _upstreams(server, settings):
        _say(f"  {line}")
    if is_token_ours and settings.operator_token is not None:
        token, path = settings.operator_token.get_secret_value(), settings.instance_path
        _say(f"  operator token: {token} ({path}/operator.token)")
    if settings.env == "production" and settings.client_token is None:
        _say("  nobody can use the media API: set MEDIANEST_CLIENT_TOKEN")
    for address in server.cfg.address:
        if isinstance(address, tuple):
            _say_page(settings, address)
    if isinstance(server.cfg.address[0], tuple):
        base = shown(server.cfg.address[0])
        _say(f"  documentation: {base}/docs")
        _say(f"  try: {_example(settings, base)}")
    for line in _switches(server):
        _say(f"  {line}")


def _warn_of_missing(settings: Settings) -> None:
    """In production alone: elsewhere a sandbox may stand in."""
    if settings.env == "production":
        for line in missing(settings):
            logging.getLogger("medianest").warning(line)


def _upstreams(server: Any, settings: Settings) -> Iterator[str]:
    played = {sandbox.kind: sandbox.url for sandbox in server.sandboxes}
    for kind, name in (("plex", "Plex"), ("overseerr", "Overseerr")):
        variable, url = f"MEDIANEST_{kind.upper()}_URL", getattr(settings, kind).url
        if url:
            yield f"{name} at {url}"
        elif kind in played:
            yield f"no {variable}: using a sandbox {name} at {played[kind]}"
        else:
            yield f"no {name}: set {variable}"


def _say_page(settings: Settings, address: tuple[str, int]) -> None:
    """Where the page is: with a link that logs in, and as other devices find it."""
    near, *others = reachable(address)
    if settings.operator_token is None:
        _say(f"  page: {near}/")
    else:
        token = settings.operator_token.get_secret_value()
        _say(f"  page: {login_link(token, near, SystemClock())}")
        _say(f"        once, within {CODE_SECONDS:.0f} s; medianest token link prints another")
    for url in others:
        _say(f"  from another device: {url}/")


def _switches(server: Any) -> Iterator[str]:
    """How to see what happens when something breaks."""
    for sandbox in server.sandboxes:
        if sandbox.kind == "plex":
            faults = f"{sandbox.url}/sandbox/faults"
            yield f'switch Plex off: curl -X POST {faults} -d \'{{"kind": "reset"}}\''
            yield f"switch it on again: curl -X DELETE {faults}"


def _example(settings: Settings, base: str) -> str:
    header = '-H "Authorization: Bearer $MEDIANEST_CLIENT_TOKEN" '
    return f"curl {header * (settings.env == 'production')}{base}/api/v1/media/libraries"


def _say(line: str) -> None:
    """Where nobody can hear it, on a full disk say, the server serves all the same."""
    if sys.stdout is not None:
        with suppress(OSError, ValueError):
            os.write(sys.stdout.fileno(), f"{line}\n".encode(errors="backslashreplace"))
