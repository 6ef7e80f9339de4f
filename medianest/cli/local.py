"""`medianest db …`, `medianest config`, `medianest alerts …`: the commands of operators, which the
app's `flask` has as well."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Final, TypeVar

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from medianest.config.effective import Effective, effective
from medianest.monitoring.notifier import sample_alert
from medianest.resilience import CallRefusedError, ConfigurationError
from medianest.storage import StorageError
from medianest.storage.schema import head_revision
from medianest.web.container import container

__all__ = ["COMMANDS", "init_cli"]

T = TypeVar("T")


def init_cli(app: Flask) -> None:
    """Give an app its commands."""
    for command in COMMANDS:
        app.cli.add_command(command)


db = AppGroup("db", help="The tables of the database.")
alerts = AppGroup("alerts", help="Alerts and where they go.")


@db.command("upgrade")
def upgrade() -> None:
    """Bring the tables to this version."""
    before, after = _or_exit(container().storage.database.upgrade)
    done = "is current" if before == after else f"upgraded from {before or 'nothing'}"
    click.echo(f"{after}: {done}")


@db.command("current")
def current() -> None:
    """Tell the revision of the tables; the exit code is 1 when it is not this version's."""
    revision, head = _or_exit(container().storage.database.revision), head_revision()
    click.echo(f"{revision or 'none'} (this version: {head})")
    if revision != head:
        sys.exit(1)


@alerts.command("test")
def test() -> None:
    """Send a sample to every place; the exit code is 1 when it does not get to one."""
    notifier = container().monitoring.notifier
    if not notifier.places:
        sys.exit("medianest: alerts go to the log only: set MEDIANEST_ALERTS_URLS")
    sent = notifier.send_now(sample_alert(container().registry.clock.utc()))
    for place, why in sent:
        click.echo(f"{place}: {'sent' if why is None else f'failed: {why}'}")
    if any(why is not None for _, why in sent):
        sys.exit(1)


@click.command("config")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.argument("prefix", default="")
@with_appcontext
def config(as_json: bool, prefix: str) -> None:
    """Show the settings in effect, those whose names begin with PREFIX, and where each comes
    from. Secrets are masked."""
    try:
        found = [each for each in effective(container().settings) if each.key.startswith(prefix)]
    except ConfigurationError as error:
        sys.exit(f"medianest: {error}")
    if not found:
        sys.exit(f"medianest: there is no setting {prefix!r}; medianest config shows all")
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        _print_table(found)


COMMANDS: Final[tuple[click.Command, ...]] = (alerts, config, db)
"""All of them; each works on the app in whose context it runs."""


def _print_table(settings: list[Effective]) -> None:
    rows = [(each.key, _text(each.value), each.origin) for each in settings]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for key, value, origin in rows:
        click.echo(f"{key:<{widths[0]}}  {value:<{widths[1]}}  {origin}".rstrip())


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value) or "-"
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)


def _or_exit(job: Callable[[], T]) -> T:
    try:
        return job()
    except (StorageError, CallRefusedError) as error:
        cause = getattr(error.__cause__, "orig", None)
        sys.exit(f"medianest: {error}" + (f" ({str(cause).strip()})" if cause else ""))
