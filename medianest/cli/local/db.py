"""`medianest db`: the tables of the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.local.app import in_app
from medianest.cli.options import as_json, show_json

__all__ = ["command"]

T = TypeVar("T")


@click.group("db")
def command() -> None:
    """The tables of the database."""


@command.command("upgrade")
@as_json
@in_app
def upgrade(as_json: bool) -> None:
    """Bring the tables to this version."""
    from medianest.web.container import container

    before, after = _done(container().storage.database.upgrade)
    if as_json:
        show_json({"before": before, "revision": after})
        return
    told = "is current" if before == after else f"upgraded from {before or 'nothing'}"
    click.echo(f"{after}: {told}")


@command.command("current")
@as_json
@in_app
def current(as_json: bool) -> None:
    """Tell the revision of the tables; the exit code is 1 when it is not this version's."""
    from medianest.storage.schema import head_revision
    from medianest.web.container import container

    revision, head = _done(container().storage.database.revision), head_revision()
    if as_json:
        show_json({"revision": revision, "wanted_revision": head})
    else:
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
