"""Facts about one thing, a line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from medianest.cli.screen.table import Cell, table, terminal_width

__all__ = ["show_facts"]


def show_facts(facts: Iterable[tuple[str, Any]]) -> None:
    """Print each name with its value; those without a value are left out."""
    rows = [
        (Cell(name, "bright_black"), value if isinstance(value, Cell) else _text(value))
        for name, value in facts
        if value is not None and value != "" and value != [] and value != {}
    ]
    for lines in table(rows, terminal_width()):
        click.echo("\n".join(lines))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_text(each)}" for name, each in value.items())
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return "-" if value is None else str(value)
