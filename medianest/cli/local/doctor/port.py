"""Whether the port is free, or it is MediaNest that answers there."""

from __future__ import annotations

import os

from medianest import __version__
from medianest.cli.errors import CommandError
from medianest.cli.local.doctor.finding import Finding, fault, good
from medianest.cli.remote.address import server_url
from medianest.cli.remote.client import Client
from medianest.server.address import refuse_taken_port

__all__ = ["examine_port"]


def examine_port(seconds: float) -> Finding:
    """The port at which `medianest serve` would listen now."""
    host, given = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= 65535:
        return fault(f"PORT: {given!r} is no port", "set PORT to a whole number from 1 to 65535")
    try:
        refuse_taken_port((host, int(given)))
    except SystemExit as refused:
        told, _, remedy = str(refused).removeprefix("medianest: ").partition("; ")
        return fault(told, remedy) if "HOST" in remedy else _taken(told, remedy, seconds)
    return good(f"{host}:{given} is free")


def _taken(told: str, remedy: str, seconds: float) -> Finding:
    url, _ = server_url(None, {name: os.environ.get(name, "") for name in ("HOST", "PORT")})
    try:
        version = Client(url, None, seconds).get("health").body.get("version")
    except CommandError:
        version = None
    if version is None:
        return fault(f"{told}, and no MediaNest answers there", f"stop what does; {remedy}")
    if version != __version__:
        return fault(
            f"MediaNest {version} runs there, and {__version__} is installed", "restart it"
        )
    return good(f"MediaNest {version} answers at {url}")
