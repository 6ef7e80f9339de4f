"""`medianest token`: the operator's token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.options import as_json, asks, confirmed, show_json, yes

if TYPE_CHECKING:
    from medianest.cli.remote.client import Client
    from medianest.config import Settings

__all__ = ["command"]


@click.group("token")
def command() -> None:
    """The operator's token."""


@command.command("new")
@yes
@as_json
def new(yes: bool, as_json: bool) -> None:
    """Put a new one into the instance folder, where development keeps it. The server takes it when
    it starts anew, or gets SIGHUP."""
    from medianest.config import Settings
    from medianest.resilience import ConfigurationError
    from medianest.web.auth import renew_operator_token

    try:
        settings = Settings.load()
        _check_whose(settings)
        if (settings.instance_path / "operator.token").exists():
            confirmed("Whoever has the old token loses it. A new one?", yes)
        path = renew_operator_token(settings)
    except ConfigurationError as error:
        raise CommandError(str(error), Exit.WRONG_SETTING) from None
    if as_json:
        show_json({"file": str(path)})
        return
    click.echo(f"a new token is in {path}")
    click.echo("  the server takes it when it starts anew, or gets SIGHUP")


@command.command("link")
@asks
def link(client: Client) -> None:
    """Print a link that logs a browser in as an operator, once and within a minute."""
    from medianest.page.session import login_link
    from medianest.resilience.clock import SystemClock

    if client.token is None:
        raise CommandError("there is no operator's token here", Exit.NO_TOKEN)
    click.echo(login_link(client.token.secret, client.url, SystemClock()))


def _check_whose(settings: Settings) -> None:
    """Only the token in the file is ours to change."""
    from medianest.config.effective import effective

    if settings.operator_token is not None:
        origins = {each.variable: each.origin for each in effective(settings)}
        told = f"it is set by {origins['MEDIANEST_OPERATOR_TOKEN']}: set another one there"
        raise CommandError(told, Exit.WRONG_SETTING)
    if settings.env != "development":
        told = (
            f"{settings.env} takes it from MEDIANEST_OPERATOR_TOKEN: openssl rand -hex 24 makes one"
        )
        raise CommandError(told, Exit.WRONG_SETTING)
