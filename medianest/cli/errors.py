"""Errors that end a command in one line on standard error, with an exit code of their own."""

from __future__ import annotations

from typing import IO, Any, Final

import click

from medianest.cli.exits import Exit
from medianest.cli.screen.words import plain

__all__ = ["NONSENSE", "CommandError", "nonsense"]

NONSENSE: Final = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What it raises to read an answer that is none of ours."""


def nonsense(error: Exception) -> str:
    """What such an answer lacks."""
    what = f"has no {error}" if isinstance(error, KeyError) else f"makes no sense ({error})"
    return f"the server's answer {what}: is it another version, or no MediaNest?"


class CommandError(click.ClickException):
    """Ends the command; the text is for people."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[CommandError], tuple[str, Exit], dict[str, Any]]:
        return type(self), (self.message, self.code), vars(self)

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it."""
        click.echo(f"medianest: {plain(self.message)}", file=file, err=file is None)
