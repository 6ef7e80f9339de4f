"""`medianest db`: the tables of the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.local.app import in_app

__all__ = ["command"]

T = TypeVar("T")


@click.group("db")
def command() -> None:
    """The tables of the database."""


@command.command("upgrade")
@in_app
def upgrade() -> None:
    """Bring the tables to this version."""
    from medianest.web.container import container

    before, after = _done(container().storage.database.upgrade)
    told = "is current" if before == after else f"upgraded from {before or 'nothing'}"
    click.echo(f"{after}: {told}")


@command.command("current")
@in_app
def current() -> None:
    """Tell the revision of the tables; the exit code is 1 when it is not this version's."""
    from medianest.storage.schema import head_revision
    from medianest.web.container import container

    revision, head = _done(container().storage.database.revision), head_revision()
    click.echo(f"{revision or 'none'} (this version: {head})")
    if revision != head:
        raise SystemExit(Exit.NOT_WELL)


def _done(job: Callable[[], T]) -> T:
    from medianest.resilience import CallRefusedError
    from medianest.storage import StorageError

    try:
        return job()
    except (StorageError, CallRefusedError) as error:
        cause = getattr(error.__cause__, "orig", None)
        why = f" ({str(cause).strip()})" if cause else ""
        raise CommandError(f"{error}{why}", Exit.TRY_LATER) from None
