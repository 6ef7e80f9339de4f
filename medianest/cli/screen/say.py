"""Lines of plain text."""

from __future__ import annotations

import click

from medianest.cli.screen.words import plain

__all__ = ["say"]


def say(text: str, *, indent: int = 0) -> None:
    """Print a line. What the server has said may stand in it: it does nothing to the terminal."""
    click.echo(" " * indent + plain(text))
