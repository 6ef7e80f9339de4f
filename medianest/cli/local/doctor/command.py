"""The command `medianest doctor`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from medianest.cli.exits import Exit
from medianest.cli.options import as_json, show_json
from medianest.cli.screen.table import Cell, table, terminal_width

if TYPE_CHECKING:
    from medianest.cli.local.doctor.finding import Finding

__all__ = ["command"]

_MARKS: Final = {"good": ("●", "green"), "note": ("▲", "yellow"), "fault": ("✖", "red")}


@click.command("doctor")
@click.option(
    "--timeout", type=click.FloatRange(0.1, 600), default=8.0, show_default=True,
    help="Seconds for all of it.",
)  # fmt: skip
@as_json
def command(timeout: float, as_json: bool) -> None:
    """Look at everything that the server needs. Each is well, or what to do. It needs no running
    server and changes nothing. The exit code is 1 when there is a fault."""
    from medianest.cli.local.doctor.examination import examine

    found = examine(timeout)
    faults = sum(each.status == "fault" for _, each in found)
    if as_json:
        show_json([{"subject": subject, **asdict(each)} for subject, each in found])
    else:
        _show(found)
        click.echo()
        click.echo(_verdict(faults))
    if faults:
        sys.exit(Exit.NOT_WELL)


def _show(found: list[tuple[str, Finding]]) -> None:
    rows: list[tuple[Cell | str, ...]] = []
    for subject, each in found:
        rows.append((Cell(*_MARKS[each.status]), subject, each.message))
        if each.remedy is not None:
            rows.append(("", "", Cell(f"→ {each.remedy}", "cyan")))
    for lines in table(rows, terminal_width()):
        click.echo("\n".join(lines))


def _verdict(faults: int) -> str:
    if not faults:
        return click.style("All is well.", fg="green")
    return click.style("1 fault." if faults == 1 else f"{faults} faults.", fg="red", bold=True)
