"""`flask db …`: the commands of operators."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import click
from flask import Flask
from flask.cli import AppGroup

from medianest.resilience import CallRefusedError
from medianest.storage import Database, StorageError
from medianest.storage.schema import head_revision

__all__ = ["init_cli"]

T = TypeVar("T")


def init_cli(app: Flask, database: Database) -> None:
    """Give an app its commands."""
    group = AppGroup("db", help="The tables of the database.")

    @group.command("upgrade")
    def upgrade() -> None:
        """Bring the tables to this version."""
        before, after = _or_exit(database.upgrade)
        done = "is current" if before == after else f"upgraded from {before or 'nothing'}"
        click.echo(f"{after}: {done}")

    @group.command("current")
    def current() -> None:
        """Tell the revision of the tables; the exit code is 1 when it is not this version's."""
        revision, head = _or_exit(database.revision), head_revision()
        click.echo(f"{revision or 'none'} (this version: {head})")
        if revision != head:
            sys.exit(1)

    app.cli.add_command(group)


def _or_exit(job: Callable[[], T]) -> T:
    try:
        return job()
    except (StorageError, CallRefusedError) as error:
        cause = getattr(error.__cause__, "orig", None)
        sys.exit(f"medianest: {error}" + (f" ({str(cause).strip()})" if cause else ""))
