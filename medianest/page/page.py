"""Puts the pages into an app."""

from __future__ import annotations

from typing import Final

from flask import Flask

from medianest.page import details, forms, lists, login, views
from medianest.page.common import EXTENSION, blueprint
from medianest.page.door import Door
from medianest.page.session import Sessions
from medianest.web.auth import session_key
from medianest.web.container import Container

__all__ = ["init_page"]

MODULES: Final = (views, details, lists, forms, login)
"""Whose views are in the blueprint, now that they are imported."""

_MARKS: Final = "login-codes"


def init_page(app: Flask, made: Container) -> None:
    """Give an app its pages."""
    key, clock = session_key(made.settings), made.registry.clock
    marks = made.settings.instance_path / _MARKS
    token = made.settings.operator_token
    secret = None if token is None else token.get_secret_value()
    sessions = None if key is None else Sessions(key, secret, clock, marks)
    app.extensions[EXTENSION] = Door(made.tokens, sessions)
    app.register_blueprint(blueprint)
