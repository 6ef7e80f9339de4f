"""Groups of commands that load each command when it is asked for, and end as `Exit` says."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from importlib import import_module
from pathlib import Path
from typing import Any, Self, TextIO

import click

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit

__all__ = ["Group", "LazyGroup", "Program", "exits"]


@contextmanager
def exits() -> Iterator[None]:
    """Ends the process in one line for what goes wrong inside, whichever program it is part of. It
    ends with the same code where nobody can read the line."""
    _open_closed_streams()
    try:
        yield
        sys.stdout.flush()  # or a pipe that nobody reads would be noticed after the end
    except CommandError as error:
        _tell(error.show)
        sys.exit(error.code)
    except click.UsageError as error:
        _tell(error.show)
        sys.exit(Exit.WRONG_USE)
    except (KeyboardInterrupt, click.Abort, EOFError):
        _tell(lambda: click.echo(err=True))
        sys.exit(Exit.INTERRUPTED)
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        _silence(sys.stdout, sys.stderr)
        sys.exit(Exit.PIPE_CLOSED)


def _open_closed_streams() -> None:
    """Who closed one (`2>&-`) wants to hear nothing, and above all nothing on the other."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115  # until the end


def _tell(show: Callable[[], None]) -> None:
    try:
        show()
        sys.stderr.flush()
    except OSError:
        _silence(sys.stderr)


def _silence(*streams: TextIO) -> None:
    """What is still buffered would fail again when Python ends, with an exit code of its own."""
    for stream in streams:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Group(click.Group):
    """Commands in the order in which they were added. Without the name of one it is the `usual` one
    that is meant."""

    def __init__(self, *args: Any, usual: str | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._usual = usual

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(self.commands)

    def without(self, *names: str) -> Self:
        """The same group without some of its commands."""
        found = copy(self)
        found.commands = {name: each for name, each in self.commands.items() if name not in names}
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the name of a command."""
        if self._usual and not ctx.resilient_parsing and self._is_nameless(args):
            args = [self._usual, *args]
        return super().parse_args(ctx, args)

    def _is_nameless(self, args: list[str]) -> bool:
        """A group that has options of its own must be told for whom they are."""
        return not args or (not self.params and args[0].startswith("-") and args[0] != "--help")


class LazyGroup(Group):
    """Knows where its commands are, by their names: most of them load in a moment, and some load
    the whole app, which the others need not wait for."""

    def __init__(self, *args: Any, places: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._places = dict(places or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return [*self._places, *super().list_commands(ctx)]

    def without(self, *names: str) -> Self:
        """The same group without some of its commands."""
        found = super().without(*names)
        found._places = {name: place for name, place in self._places.items() if name not in names}
        return found

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one."""
        if cmd_name not in self._places:
            return super().get_command(ctx, cmd_name)
        found: click.Command = import_module(self._places[cmd_name]).command
        return found


class Program(LazyGroup):
    """The whole, as a program or as a part of another one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the name of a command."""
        with exits():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with exits():
            return super().invoke(ctx)
