"""`medianest serve`: become the server."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NoReturn

import click

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit

__all__ = ["command"]


@click.command("serve")
@click.option("--host", help="Where to listen: an address or a name [HOST; 127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65535), help="The port [PORT; 8000].")
def command(host: str | None, port: int | None) -> NoReturn:
    """Serve the API until SIGTERM or Ctrl-C. Local state is in the folder "instance" here, or in
    MEDIANEST_INSTANCE_PATH."""
    from medianest import server

    count = os.environ.get("WEB_CONCURRENCY", "")
    # gunicorn reads it before it reads its file, and ends with a traceback.
    if count and not re.fullmatch(r"[0-9]{1,3}", count):
        raise CommandError(
            f"WEB_CONCURRENCY: {count!r} is not allowed: must be a whole number from 1 to 128",
            Exit.WRONG_SETTING,
        )
    if host is not None:
        os.environ["HOST"] = host
    if port is not None:
        os.environ["PORT"] = str(port)
    file = Path(server.__file__).with_name("configuration.py")
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", str(file)])
