"""The commands of `flask medianest` in an app that is not ours: those that ask a running server."""

from __future__ import annotations

import os
from typing import Final

import click

from medianest.cli.group import Group, Program
from medianest.cli.options import ask_app, places

__all__ = ["app_command"]

_PLACES: Final = {
    name: f"medianest.cli.remote.{name}"
    for name in (
        "status", "breakers", "dependencies", "alerts", "recovery", "events", "audit", "health",
    )
}  # fmt: skip
_LACKING: Final = {"dependencies": ("add", "remove"), "alerts": ("test",)}
"""What only our own server can do."""


class _AppProgram(Program):
    """Leaves out what the app cannot do."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one."""
        found = super().get_command(ctx, cmd_name)
        return found.without(*_LACKING.get(cmd_name, ())) if isinstance(found, Group) else found


def app_command(base: str) -> click.Group:
    """The group `medianest` of an app that has its endpoints below that path."""

    @click.group("medianest", cls=_AppProgram, places=_PLACES)
    @places(usual=f"where `flask run` serves it, with {base}")
    @click.pass_context
    def command(context: click.Context) -> None:
        """The resilience of this app, as its running server tells it."""
        host = os.environ.get("FLASK_RUN_HOST") or "127.0.0.1"
        ask_app(context, host, os.environ.get("FLASK_RUN_PORT") or "5000", base)

    return command
