"""`medianest audit`: who changed what, when and why."""

from __future__ import annotations

import click

from medianest.cli.options import as_json, asks, limit, show_json
from medianest.cli.remote.client import Client
from medianest.cli.screen.table import show_table
from medianest.cli.screen.words import clock_time

__all__ = ["command"]


@click.command("audit")
@click.option("--actor", help="Only what this one did.")
@click.option("--action", help="Only this, such as circuit-breaker.open.")
@click.option("--target", help="Only what was done to this.")
@limit
@as_json
@asks
def command(
    client: Client, actor: str | None, action: str | None, target: str | None,
    limit: int, as_json: bool,
) -> None:  # fmt: skip
    """Who changed what, when and why; the newest first."""
    answer = client.pages(
        "resilience", "audit", limit=limit, actor=actor, action=action, target=target
    )
    if as_json:
        show_json(answer.body)
        return
    heads = ("when", "who", "from", "did", "to", "why")
    rows = (
        (
            clock_time(each["changed_at"], answer.at),
            each["actor"],
            each["address"] or "-",
            each["action"],
            each["target"],
            each["reason"] or "",
        )
        for each in answer.body["items"]
    )
    show_table(heads, rows, "Nobody has changed anything.")
