"""The gate: an app's own answer to who may look at its resilience, and who may act on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Flask, abort, request

from medianest.page.door import refuse_other_sites
from medianest.resilience import ConfigurationError
from medianest.resilience.options import checked_function
from medianest.web.problems import ProblemError
from medianest.web.roles import Role

__all__ = ["Authorize", "Gate"]

Authorize = Callable[[str], Any]

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_DEEDS: Final = {"viewer": "look at it", "operator": "act on it"}


class Gate:
    """Asks `authorize(role)`, with "viewer" for who looks and "operator" for who acts. It returns
    True or the name of who that is; False or None is answered with 403, and anything else is the
    answer, such as a redirect to the app's own login.

    Without it, while the app is in debug mode or testing, everybody may look and nobody may act;
    else ConfigurationError is raised.
    """

    def __init__(self, app: Flask, authorize: Authorize | None) -> None:
        if authorize is not None:
            checked_function(authorize, "authorize", '("viewer" or "operator") -> whether they may')
        elif not (app.debug or app.testing):
            raise ConfigurationError(
                "authorize: must be given unless the app is in debug mode or testing: a function "
                'that takes "viewer" or "operator", and returns whether who asks may do that'
            )
        self._app = app
        self._authorize = authorize

    def admit(self, role: Role) -> str:
        """Who may do that. Raises ProblemError, or the app's own answer as an HTTPException."""
        if request.method not in _READS:
            self._refuse_strange_forms()
        if self._authorize is None:
            return self._in_debug_mode(role)
        answer = self._app.ensure_sync(self._authorize)(role)
        if answer is True:
            return role
        if isinstance(answer, str) and answer:
            return answer
        if answer:
            abort(self._app.make_response(answer))
        raise ProblemError("forbidden", f"this app does not let you {_DEEDS[role]}")

    def _in_debug_mode(self, role: Role) -> str:
        if role == "viewer" and (self._app.debug or self._app.testing):
            return role
        raise ProblemError("forbidden", "nobody may: Resilience(app, authorize=…) says who may")

    def _refuse_strange_forms(self) -> None:
        """A browser sends its cookies along, whichever site has made it ask. What is no browser
        sends neither cookies nor where it comes from."""
        marks = ("Sec-Fetch-Site", "Origin", "Cookie")
        if any(mark in request.headers for mark in marks):
            refuse_other_sites()
