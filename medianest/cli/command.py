"""The command `medianest`: all commands by their names."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Final, NoReturn

import click

import medianest
from medianest.cli.group import Program
from medianest.cli.options import places

__all__ = ["command", "run"]

_PLACES: Final = {
    "status": "medianest.cli.remote.status",
    "breakers": "medianest.cli.remote.breakers",
    "queue": "medianest.cli.remote.queue",
    "dependencies": "medianest.cli.remote.dependencies",
    "alerts": "medianest.cli.remote.alerts",
    "recovery": "medianest.cli.remote.recovery",
    "events": "medianest.cli.remote.events",
    "audit": "medianest.cli.remote.audit",
    "health": "medianest.cli.remote.health",
    "doctor": "medianest.cli.local.doctor.command",
    "token": "medianest.cli.local.token",
    "config": "medianest.cli.local.config",
    "db": "medianest.cli.local.db",
    "serve": "medianest.cli.serve",
}


@click.group("medianest", cls=Program, usual="serve", places=_PLACES)
@places()
@click.version_option(medianest.__version__, message="MediaNest %(version)s")
@click.pass_context
def command(context: click.Context) -> None:
    """The resilient API in front of a home media stack. Without a command it serves.

    status to audit ask the server that runs; the others work here.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(
            errors="replace"
        )  # a terminal that lacks a sign still shows the rest


def run() -> NoReturn:
    """Do what the command line says, and end with its exit code."""
    command.main(prog_name="medianest")
    sys.exit()
