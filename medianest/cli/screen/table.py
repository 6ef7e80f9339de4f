"""Tables that fit a terminal: the last column wraps, or stands below the others where there is no
room beside them."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import click

from medianest.cli.screen.words import plain

__all__ = ["Cell", "cut", "show_table", "table", "terminal_width", "width_of", "wrapped"]

_GAP: Final = 2
_LEAST: Final = 8
"""Characters that a column keeps, however narrow the terminal is."""
_LEAST_LAST: Final = 24
"""Columns that the last one needs beside the others; with less it stands below them."""
_BELOW: Final = "    "
"""Before what stands below."""


class Cell(NamedTuple):
    """A text in a table, and its colour."""

    text: str
    colour: str | None = None


Row = Sequence[Cell | str]


def terminal_width() -> int | None:
    """The width of the terminal that the output goes to; None when it goes elsewhere, where
    nothing is cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def show_table(heads: Sequence[str], rows: Iterable[Row], nothing: str) -> None:
    """Print a table with its heads, or what to say when it has no rows."""
    found = list(rows)
    if not found:
        click.echo(nothing)
        return
    titles = [Cell(head.upper(), "bright_black") for head in heads]
    (first, *_), *blocks = table([titles, *found], terminal_width())
    click.echo(first)  # what stands below the others needs no title
    for lines in blocks:
        click.echo("\n".join(lines))


def table(rows: Sequence[Row], width: int | None) -> list[list[str]]:
    """The lines of each row, in at most so many columns; None: as many as it takes."""
    if not rows:
        return []
    cells = [[_cell(each) for each in row] for row in rows]
    sizes = _sizes(cells, width)
    return [_lines(row, sizes, width) for row in cells]


def width_of(text: str) -> int:
    """The columns that a text takes: letters of East Asia take two, accents none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def cut(text: str, width: int) -> str:
    """At most so many columns of it; what is cut ends in "…"."""
    if width_of(text) <= width:
        return text
    kept = text
    while kept and width_of(kept) > width - 1:
        kept = kept[:-1]
    return f"{kept}…"


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most so many columns; a word that is longer goes on in the next."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width_of(joined) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        while width_of(word) > width:
            begin = cut(word, width + 1)[:-1] if width_of(word) > width + 1 else word[:-1]
            lines[-1], word = begin, word[len(begin) :]
            lines.append("")
        lines[-1] = word
    return lines


def _cell(given: Cell | str) -> Cell:
    text, colour = (given, None) if isinstance(given, str) else given
    return Cell(plain(text), colour)


def _sizes(rows: Sequence[Sequence[Cell]], width: int | None) -> list[int]:
    """The columns of each cell; 0 for a last one that has no room beside the others."""
    sizes = [max(width_of(row[n].text) for row in rows) for n in range(len(rows[0]))]
    if width is None:
        return sizes
    *first, last = sizes
    while sum(first) + _GAP * len(first) > width and max(first) > _LEAST:
        first[first.index(max(first))] -= 1
    room = width - sum(first) - _GAP * len(first)
    return [*first, min(last, room) if room >= min(last, _LEAST_LAST) else 0]


def _lines(row: Sequence[Cell], sizes: Sequence[int], width: int | None) -> list[str]:
    *first, last = row
    begin = "".join(_styled(cell, size) for cell, size in zip(first, sizes, strict=False))
    if sizes[-1]:
        return _hung(begin, wrapped(last.text, sizes[-1]), last.colour)
    if not last.text:
        return [begin.rstrip()]
    room = max(1, (width or 0) - len(_BELOW))
    return [begin.rstrip(), *_hung(_BELOW, wrapped(last.text, room), last.colour)]


def _hung(begin: str, texts: Iterable[str], colour: str | None) -> list[str]:
    """The texts below each other, the first one after `begin`."""
    blank = " " * width_of(click.unstyle(begin))
    return [
        f"{blank if number else begin}{_coloured(text, colour)}".rstrip()
        for number, text in enumerate(texts)
    ]


def _styled(cell: Cell, size: int) -> str:
    text = cut(cell.text, size)
    return _coloured(text, cell.colour) + " " * (size - width_of(text) + _GAP)


def _coloured(text: str, colour: str | None) -> str:
    return click.style(text, fg=colour) if colour and text else text
