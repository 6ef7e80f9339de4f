"""Options that several commands have."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from medianest.cli.errors import NONSENSE, CommandError, nonsense
from medianest.cli.exits import Exit
from medianest.cli.remote.address import server_url, token_for, url_of
from medianest.cli.remote.client import Client
from medianest.cli.screen.words import plain

__all__ = [
    "DURATION",
    "as_json",
    "ask_app",
    "asks",
    "client_of",
    "completed",
    "confirmed",
    "limit",
    "named",
    "places",
    "reason",
    "show_json",
    "yes",
]

_URL, _FILE, _APP = "medianest.url", "medianest.token_file", "medianest.app"
_HERE: Final = "MEDIANEST_URL; HOST and PORT; http://127.0.0.1:8000"
_SIZES: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

_COMPLETION_SECONDS: Final = 1.0

Command = TypeVar("Command", bound=Callable[..., Any])


class _Duration(click.ParamType):  # type: ignore[type-arg]  # has none before click 8.3
    """Seconds, given as `90`, `30s`, `10m`, `1h30m` or `2d`."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        if isinstance(value, float):
            return value
        text = str(value).strip().lower()
        if re.fullmatch(r"\d{1,9}", text):
            return float(text)
        parts = re.findall(r"(\d{1,9})([smhd])", text)
        if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
            self.fail(f"{value!r} is no duration such as 30s, 10m, 1h30m or 2d", param, ctx)
        return float(sum(int(number) * _SIZES[unit] for number, unit in parts))


DURATION: Final = _Duration()


def _remember(key: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def keep(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value is not None:
            context.meta[key] = value

    return keep


def places(*, hidden: bool = False, usual: str = _HERE) -> Callable[[Command], Command]:
    """`--url` and `--token-file`, before the name of the command or after it; `usual` says where
    the server is without them."""

    kept = "; instance/operator.token" if usual == _HERE else ""

    def add(command: Command) -> Command:
        command = click.option(
            "--token-file", type=click.Path(path_type=Path), metavar="FILE", hidden=hidden,
            expose_value=False, callback=_remember(_FILE),
            help=f"A file with the token [MEDIANEST_OPERATOR_TOKEN, or …_TOKEN_FILE{kept}].",
        )(command)  # fmt: skip
        return click.option(
            "--url", metavar="URL", hidden=hidden, expose_value=False, callback=_remember(_URL),
            help=f"Where the server is [{usual}].",
        )(command)  # fmt: skip

    return add


def asks(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the client of the server that it is about, before its other arguments."""

    @places(hidden=True)
    @click.pass_context
    @wraps(command)
    def asking(context: click.Context, *args: Any, **options: Any) -> Any:
        try:
            return command(client_of(context), *args, **options)
        except NONSENSE as error:
            raise CommandError(nonsense(error), Exit.STRANGER) from error

    return asking


def named(*path: str) -> Callable[[Command], Command]:
    """The argument NAME, which a shell completes with the names in that list of the server."""

    def complete(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
        lists = completed(context, *path).values()
        return [each["name"] for found in lists for each in found if each["name"].startswith(begun)]

    return click.argument("name", shell_complete=complete)


def completed(context: click.Context, *path: str) -> dict[str, Any]:
    """What the server has there, for a shell to complete; nothing if it does not say so at once."""
    try:
        found: dict[str, Any] = client_of(context, _COMPLETION_SECONDS).get(*path).body
    except CommandError:
        return {}
    return found


def client_of(context: click.Context, seconds: float = 20.0) -> Client:
    """The client of the server that a command is about; `seconds` bound each of its questions, by
    default a little longer than the server takes. Raises CommandError."""
    app = context.meta.get(_APP)
    url, is_named = server_url(context.meta.get(_URL), usual=app)
    is_app = app is not None
    token = token_for(url, context.meta.get(_FILE), is_named=is_named, is_app=is_app)
    return Client(url, token, seconds, is_app=is_app)


def ask_app(context: click.Context, host: str, port: str, path: str) -> None:
    """Have the commands of a context ask an app that is not ours, which listens there and has its
    endpoints below that path."""
    context.meta[_APP] = url_of(host, port) + path


as_json = click.option("--json", "as_json", is_flag=True, help="As the API answers it.")
limit = click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="At most so many.",
)
reason = click.option("--reason", metavar="TEXT", help="Why; it is kept in the audit.")
yes = click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")


def confirmed(question: str, is_sure: bool) -> None:
    """Ask a person; without one, only `--yes` counts. Raises CommandError."""
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{question} Nobody is here to ask: say --yes", Exit.WRONG_USE)
    if not click.confirm(plain(question), err=True):
        raise CommandError("nothing was done", Exit.NOT_WELL)


def show_json(body: Any) -> None:
    """Print an answer for programs."""
    click.echo(json.dumps(body, indent=2))
