"""The command `medianest`: `serve`, and the commands of operators."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NoReturn

import click
from flask import Flask
from flask.cli import ScriptInfo

import medianest
from medianest import server

__all__ = ["run"]


def run() -> NoReturn:
    """Do what the command line says, and end with its exit code."""
    _medianest.main(prog_name="medianest", obj=ScriptInfo(create_app=_app))
    sys.exit()


class _Commands(click.Group):
    """Loads the commands of operators when one is asked for: with the app they take most of a
    second, which `serve` need not wait for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_operators()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _operators().get(cmd_name)


@click.group(cls=_Commands, invoke_without_command=True)
@click.version_option(medianest.__version__, message="MediaNest %(version)s")
@click.pass_context
def _medianest(context: click.Context) -> None:
    """The resilient API in front of a home media stack. Without a command it serves."""
    if context.invoked_subcommand is None:
        context.invoke(_serve)


@_medianest.command("serve")
@click.option("--host", help="Where to listen: an address or a name [HOST; 127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65535), help="The port [PORT; 8000].")
def _serve(host: str | None, port: int | None) -> NoReturn:
    """Serve the API until SIGTERM or Ctrl-C. Local state is in the folder "instance" here, or in
    MEDIANEST_INSTANCE_PATH."""
    count = os.environ.get("WEB_CONCURRENCY", "")
    # gunicorn reads it before it reads its file, and ends with a traceback.
    if count and not re.fullmatch(r"[0-9]{1,3}", count):
        sys.exit(
            f"medianest: WEB_CONCURRENCY: {count!r} is not allowed: "
            f"must be a whole number from 1 to 128"
        )
    if host is not None:
        os.environ["HOST"] = host
    if port is not None:
        os.environ["PORT"] = str(port)
    file = Path(server.__file__).with_name("configuration.py")
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", str(file)])


def _operators() -> dict[str, click.Command]:
    from medianest.cli.local import COMMANDS

    return {str(command.name): command for command in COMMANDS}


def _app() -> Flask:
    from medianest.wsgi import app

    return app
