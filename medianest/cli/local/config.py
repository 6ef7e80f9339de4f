"""`medianest config`: the settings in effect."""

from __future__ import annotations

from dataclasses import asdict

import click

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.local.app import in_app
from medianest.cli.options import as_json, show_json
from medianest.cli.screen.table import show_table

__all__ = ["command"]


@click.command("config")
@as_json
@click.argument("prefix", default="")
@in_app
def command(as_json: bool, prefix: str) -> None:
    """Show the settings in effect. Those whose names begin with PREFIX, and where each comes from;
    secrets are masked."""
    from medianest.config.effective import effective
    from medianest.resilience import ConfigurationError
    from medianest.web.container import container

    try:
        found = [each for each in effective(container().settings) if each.key.startswith(prefix)]
    except ConfigurationError as error:
        raise CommandError(str(error), Exit.WRONG_SETTING) from None
    if not found:
        told = f"there is no setting {prefix!r}; medianest config shows all"
        raise CommandError(told, Exit.WRONG_USE)
    if as_json:
        show_json([asdict(each) for each in found])
        return
    rows = ((each.key, each.origin, _text(each.value)) for each in found)
    show_table(("setting", "from", "value"), rows, "")


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value) or "-"
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)
