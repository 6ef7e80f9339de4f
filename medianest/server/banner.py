"""What the server says once it serves."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from medianest import __version__
from medianest.config import Settings, missing
from medianest.config.private import open_to_others
from medianest.page.session import login_link
from medianest.resilience.clock import SystemClock
from medianest.server.address import reachable, shown

__all__ = ["show"]

_COLUMN: Final = 13
"""Where what is said begins. A link that signs in then fits a line of 80."""

_PATH: Final = "MEDIANEST_INSTANCE_PATH"


def show(server: Any, settings: Settings, is_token_ours: bool) -> None:
    """Say where everything is, and what is not; an operator token of this server's own, too."""
    _warn_of_missing(settings)
    if told := open_to_others(settings.instance_path):
        logging.getLogger("medianest").warning("%s: name one of its own in %s", told, _PATH)
    _say(_lines(server, settings, is_token_ours))


def _lines(server: Any, settings: Settings, is_token_ours: bool) -> Iterator[str]:
    where = " and ".join(shown(address) for address in server.cfg.address)
    yield f"MediaNest {__version__} ({settings.env}) on {where}"
    yield ""
    for label, *lines in _parts(server, settings, is_token_ours):
        for line in lines:
            yield f"  {label:<{_COLUMN - 2}}{line}"
            label = ""
    yield ""
    for title, *commands in _commands(server, settings):
        yield f"  {title}"
        yield from (f"    {command}" for command in commands)
    yield ""


def _warn_of_missing(settings: Settings) -> None:
    """In production alone: elsewhere a sandbox may stand in."""
    if settings.env == "production":
        for line in missing(settings):
            logging.getLogger("medianest").warning(line)


def _parts(server: Any, settings: Settings, is_token_ours: bool) -> Iterator[tuple[str, ...]]:
    """Each a label, and the lines beside it."""
    for address in server.cfg.address:
        if isinstance(address, tuple):
            yield from _page(settings, address)
    if is_token_ours and settings.operator_token is not None:
        path = settings.instance_path / "operator.token"
        token = settings.operator_token.get_secret_value()
        yield "token:", token, f"The operator's, from {path}"
    if settings.env == "production" and settings.client_token is None:
        yield "clients:", "None may use the media API: set MEDIANEST_CLIENT_TOKEN"
    yield from _upstreams(server, settings)
    if server.cfg.workers > 1:
        yield "workers:", f"{server.cfg.workers}, whose circuit breakers judge as one"


def _page(settings: Settings, address: tuple[str, int]) -> Iterator[tuple[str, ...]]:
    """Where the page is: with a link that signs in, and as other devices find it."""
    near, *others = reachable(address)
    token = settings.operator_token if _is_read_by_its_owner(settings) else None
    link = None if token is None else login_link(token.get_secret_value(), near, SystemClock())
    if link is not None:
        told = "Open it within a minute: it signs you in as the operator, once."
        yield "page:", link, told, f"`{_program()} token link` prints another."
    elif settings.operator_token is None and settings.viewer_token is None:
        yield "page:", f"{near}/", "Nobody can sign in: set MEDIANEST_OPERATOR_TOKEN"
    else:
        yield "page:", f"{near}/", f"Sign in with a token, or by `{_program()} token link`."
    if others:
        yield "phone:", *(f"{url}/" for url in others)
    yield "docs:", f"{near}/docs"


def _program() -> str:
    """How the shell finds the command: `make run` puts it into `.venv`, and on no PATH."""
    beside = Path(sys.executable).with_name("medianest")
    if shutil.which("medianest") or not beside.exists():
        return "medianest"
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


def _is_read_by_its_owner(settings: Settings) -> bool:
    """A log of production is kept, and read by others: no link that acts is for it."""
    return settings.env != "production" or (sys.stdout is not None and sys.stdout.isatty())


def _upstreams(server: Any, settings: Settings) -> Iterator[tuple[str, ...]]:
    played = {sandbox.kind: sandbox.url for sandbox in server.sandboxes}
    for kind, name in (("plex", "Plex"), ("overseerr", "Overseerr")):
        variable, url = f"MEDIANEST_{kind.upper()}_URL", getattr(settings, kind).url
        if url:
            yield f"{name}:", str(url)
        elif kind in played:
            yield f"{name}:", f"a sandbox at {played[kind]} (no {variable})"
        else:
            yield f"{name}:", f"none: set {variable}"


def _commands(server: Any, settings: Settings) -> Iterator[tuple[str, ...]]:
    """What to type first, and how to see what happens when something breaks."""
    addresses = [address for address in server.cfg.address if isinstance(address, tuple)]
    url = f"{reachable(addresses[0])[0]}/api/v1/media/libraries" if addresses else None
    if url and settings.env == "production":
        header = '-H "Authorization: Bearer $MEDIANEST_CLIENT_TOKEN"'
        yield "Ask for something:", f"curl {header} \\", f"  {url}"
    elif url:
        yield "Ask for something:", f"curl {url}"
    for sandbox in server.sandboxes:
        if url and sandbox.kind == "plex":
            yield from _story(f"{sandbox.url}/sandbox/faults", url)


def _story(faults: str, url: str) -> Iterator[tuple[str, ...]]:
    off = f'curl -X POST {faults} -d \'{{"kind": "reset"}}\''
    ask = f"for n in 1 2; do curl {url}; done"  # calls open a circuit breaker, checks do not
    yield "Switch Plex off, ask twice, and watch the page:", off, ask
    yield "Switch Plex on again:", f"curl -X DELETE {faults}"


def _say(lines: Iterable[str]) -> None:
    """All at once, so that nobody else's line comes between. Where nobody can hear it, on a full
    disk say, the server serves all the same."""
    if sys.stdout is not None:
        text = "".join(f"{line}\n" for line in lines)
        with suppress(OSError, ValueError):
            os.write(sys.stdout.fileno(), text.encode(errors="backslashreplace"))
