"""`flask db …`, `flask config`, `flask alerts …`: the commands of operators."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

import click
from flask import Flask
from flask.cli import AppGroup

from medianest.config import Settings
from medianest.config.effective import Effective, effective
from medianest.monitoring.notifier import Notifier, sample_alert
from medianest.resilience import CallRefusedError, Clock, ConfigurationError
from medianest.storage import Database, StorageError
from medianest.storage.schema import head_revision
from medianest.web.parts import Parts

__all__ = ["init_cli"]

T = TypeVar("T")


def init_cli(app: Flask, parts: Parts, notifier: Notifier) -> None:
    """Give an app its commands."""
    app.cli.add_command(_db(parts.database))
    app.cli.add_command(_config(parts.settings))
    app.cli.add_command(_alerts(notifier, parts.registry.clock))


def _db(database: Database) -> AppGroup:
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

    return group


def _config(settings: Settings) -> click.Command:
    @click.command("config")
    @click.option("--json", "as_json", is_flag=True, help="As JSON.")
    @click.argument("prefix", default="")
    def config(as_json: bool, prefix: str) -> None:
        """Show the settings in effect, those whose names begin with PREFIX, and where each comes
        from. Secrets are masked."""
        try:
            found = [each for each in effective(settings) if each.key.startswith(prefix)]
        except ConfigurationError as error:
            sys.exit(f"medianest: {error}")
        if not found:
            sys.exit(f"medianest: there is no setting {prefix!r}; flask config shows all")
        if as_json:
            click.echo(json.dumps([asdict(each) for each in found], indent=2))
        else:
            _print_table(found)

    return config


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


def _alerts(notifier: Notifier, clock: Clock) -> AppGroup:
    group = AppGroup("alerts", help="Alerts and where they go.")

    @group.command("test")
    def test() -> None:
        """Send a sample to every place; the exit code is 1 when it does not get to one."""
        if not notifier.places:
            sys.exit("medianest: alerts go to the log alone: set MEDIANEST_ALERTS_URLS")
        sent = notifier.send_now(sample_alert(clock.utc()))
        for place, why in sent:
            click.echo(f"{place}: {'sent' if why is None else f'failed: {why}'}")
        if any(why is not None for _, why in sent):
            sys.exit(1)

    return group


def _or_exit(job: Callable[[], T]) -> T:
    try:
        return job()
    except (StorageError, CallRefusedError) as error:
        cause = getattr(error.__cause__, "orig", None)
        sys.exit(f"medianest: {error}" + (f" ({str(cause).strip()})" if cause else ""))
