"""Pages that an app has, or lacks, all together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint
from werkzeug.wrappers import Response

__all__ = ["Section"]

View = TypeVar("View", bound=Callable[..., Response])


class Section:
    """Notes views under their rules, as a blueprint does, and adds them to any blueprint."""

    def __init__(self) -> None:
        self._views: list[tuple[str, str, Callable[..., Any]]] = []

    def get(self, rule: str) -> Callable[[View], View]:
        """Show something there."""
        return self._noting("GET", rule)

    def post(self, rule: str) -> Callable[[View], View]:
        """Take a form there."""
        return self._noting("POST", rule)

    def add_to(self, blueprint: Blueprint) -> None:
        """Give a blueprint these views, each by the name of its function."""
        for method, rule, view in self._views:
            blueprint.add_url_rule(rule, view_func=view, methods=[method])

    def _noting(self, method: str, rule: str) -> Callable[[View], View]:
        def note(view: View) -> View:
            self._views.append((method, rule, view))
            return view

        return note
