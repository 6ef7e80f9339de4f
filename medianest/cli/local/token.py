"""`medianest token`: the operator's token."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.group("token")
def command() -> None:
    """The operator's token."""
