"""`medianest alerts test`: whether alerts get to where they should."""

from __future__ import annotations

import click

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.local.app import in_app
from medianest.cli.options import as_json, show_json

__all__ = ["command"]


@click.command("test")
@as_json
@in_app
def command(as_json: bool) -> None:
    """Send a sample to every place. The exit code is 1 when it does not get to one, and 78 when
    there is none."""
    from medianest.monitoring.notifier import sample_alert
    from medianest.web.container import container

    notifier = container().monitoring.notifier
    if not notifier.places:
        told = "alerts go to the log only: set MEDIANEST_ALERTS_URLS"
        raise CommandError(told, Exit.WRONG_SETTING)
    sent = notifier.send_now(sample_alert(container().registry.clock.utc()))
    if as_json:
        show_json([{"place": place, "error": why} for place, why in sent])
    else:
        for place, why in sent:
            click.echo(f"{place}: {'sent' if why is None else f'failed: {why}'}")
    if any(why is not None for _, why in sent):
        raise SystemExit(Exit.NOT_WELL)
