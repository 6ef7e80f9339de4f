"""The app that a command works on: the one that `flask` has loaded, or the one of the settings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from medianest.cli.exits import Exit

__all__ = ["in_app"]


def in_app(command: Callable[..., Any]) -> Callable[..., Any]:
    """Run a command in the context of an app."""

    @wraps(command)
    def inside(*args: Any, **options: Any) -> Any:
        from flask.cli import ScriptInfo

        flask = click.get_current_context().find_object(ScriptInfo)
        with (_made() if flask is None else flask.load_app()).app_context():
            return command(*args, **options)

    return inside


def _made() -> Any:
    try:
        from medianest.wsgi import app
    except SystemExit:  # it has said in one line what is wrong with the settings
        sys.exit(Exit.WRONG_SETTING)
    return app
