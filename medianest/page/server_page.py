"""Puts the pages into the server."""

from __future__ import annotations

from typing import Final

from flask import Flask

from medianest.page import login, server
from medianest.page.common import EXTENSION, server_pages
from medianest.page.door import Door
from medianest.page.page import page_blueprint
from medianest.page.polls import Polls
from medianest.page.problem import problem_page
from medianest.page.session import Sessions
from medianest.web.auth import session_key
from medianest.web.container import Container

__all__ = ["init_page"]

MODULES: Final = (server, login)
"""Whose views only the server has, now that they are imported."""

_MARKS: Final = "login-codes"


def init_page(app: Flask, made: Container) -> None:
    """Give the server its pages."""
    key, clock = session_key(made.settings), made.registry.clock
    marks = made.settings.instance_path / _MARKS
    token = made.settings.operator_token
    secret = None if token is None else token.get_secret_value()
    sessions = None if key is None else Sessions(key, secret, clock, marks)
    door = Door(made.tokens, sessions)
    app.extensions[EXTENSION] = door
    made.problem_page = problem_page
    made.looker = lambda: door.session() is not None
    app.register_blueprint(page_blueprint(server_pages))
    polls = Polls(app.wsgi_app, clock, lambda: made.changes.revision)
    app.wsgi_app = polls  # type: ignore[method-assign]
