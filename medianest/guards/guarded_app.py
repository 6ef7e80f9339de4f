"""What the extension keeps for one app: its guards, its door, and what its responses have left."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

from flask import Flask, Request, request
from flask.sansio.app import App
from flask.typing import ResponseReturnValue
from werkzeug.routing import Rule

from medianest.guards.admission import Admission
from medianest.guards.ending import AT_THE_END, Lost, end, until_the_end
from medianest.guards.guard import Guard, View
from medianest.guards.placement import ProtectedViews
from medianest.resilience import ConfigurationError, Registry

__all__ = ["GuardedApp", "Prefixes", "guard_blueprint"]

_BLUEPRINTS = "resilience.blueprints"
"""In `app.extensions`: the guards of blueprints, which may be registered before the extension."""

_DEFAULTS: dict[str, Any] = {
    "RESILIENCE_MAX_IN_FLIGHT": None,
    "RESILIENCE_FOLDER": None,
    "RESILIENCE_NEVER_SHED": (),
    "RESILIENCE_REQUEST_TIMEOUT": None,
}
"""Read once, when the extension is put into an app."""


class Prefixes:
    """Guards by the paths that they cover; of several the longest counts."""

    def __init__(self, entries: list[tuple[str, str, Guard]] | None = None) -> None:
        self.entries = entries or []

    def add(self, prefix: str, guard: Guard) -> None:
        """Raises ConfigurationError when the prefix has a guard."""
        exact = prefix.rstrip("/")
        for taken, _, other in self.entries:
            if taken == exact:
                raise ConfigurationError(
                    f"{prefix!r} has a guard already, that of {other.service!r}: a prefix takes one"
                )
        found = [*self.entries, (exact, exact + "/", guard)]
        self.entries = sorted(found, key=lambda entry: -len(entry[0]))


def guard_blueprint(app: App, name: str, guard: Guard) -> None:
    """Guard the views of a blueprint of an app. Raises ConfigurationError when it has a guard."""
    guards: dict[str, Guard] = app.extensions.setdefault(_BLUEPRINTS, {})
    if guards.setdefault(name, guard) is not guard:
        raise ConfigurationError(
            f"the blueprint {name!r} has a guard already, that of {guards[name].service!r}: a "
            f"blueprint takes one"
        )


class GuardedApp:
    """An app that has the extension; stands around its WSGI entry and where it calls views.

    Below the paths of `open_to` nothing is guarded and no load shed: there it is looked at and
    steered. Raises ConfigurationError for a wrong value in the app's configuration.
    """

    def __init__(
        self,
        app: Flask,
        registry: Registry,
        early: Prefixes,
        views: ProtectedViews,
        open_to: tuple[str, ...] = (),
    ) -> None:
        self._app, self._views = app, views
        app.config.setdefault("RESILIENCE_GUARDS_ENABLED", None)
        values = {key: app.config.setdefault(key, usual) for key, usual in _DEFAULTS.items()}
        self._read = {key: _copied(value) for key, value in values.items()}
        self.admission = Admission(
            registry,
            max_in_flight=app.config["RESILIENCE_MAX_IN_FLIGHT"],
            never_shed=app.config["RESILIENCE_NEVER_SHED"],
            open_to=open_to,
            request_timeout=app.config["RESILIENCE_REQUEST_TIMEOUT"],
        )
        self.prefixes = Prefixes(early.entries)
        self._blueprints: dict[str, Guard] = app.extensions.setdefault(_BLUEPRINTS, {})
        self._open, self._below_open = open_to, tuple(f"{path}/" for path in open_to)
        self._lost: Lost = deque()
        self._is_checked = False

    def install(self) -> None:
        """Take the places in the app."""
        app = self._app
        # `dispatch_request` is where Flask calls the view, after every before_request hook.
        self._view, app.dispatch_request = app.dispatch_request, self._dispatch  # type: ignore[method-assign]
        self.admission.install(app)
        self._wsgi, app.wsgi_app = app.wsgi_app, self  # type: ignore[method-assign]

    def services_of(self, rule: Rule, view: Callable[..., Any]) -> tuple[str, ...]:
        """The services of the guards around a view."""
        rooms = rule.endpoint.split(".")[:-1]
        names = (".".join(rooms[: count + 1]) for count in range(len(rooms)))
        found = [self._blueprints.get(name) for name in names]
        covering = (g for exact, below, g in self.prefixes.entries if _is_below(rule, exact, below))
        found += [next(covering, None), getattr(view, "guard", None)]
        return tuple(guard.service for guard in found if guard is not None)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if not self._is_checked:
            self._check()
        while self._lost:
            self._settle_lost()
        try:
            body = self._wsgi(environ, start_response)
        except BaseException:
            end(environ)
            raise
        return until_the_end(body, environ, self._lost) if AT_THE_END in environ else body

    def _check(self) -> None:
        """Before the first request: whether all that was said so far is heeded."""
        for key, value in self._read.items():
            now = self._app.config.get(key)
            if now != value:
                raise ConfigurationError(
                    f"{key} was set to {now!r} too late: Resilience has read {value!r}; set it "
                    f"before Resilience(app) or init_app(app)"
                )
        self._views.check(self._app)
        self._is_checked = True

    def _settle_lost(self) -> None:
        try:
            at_end = self._lost.popleft()
        except IndexError:  # another thread was quicker
            return
        at_end()

    def _dispatch(self, *args: Any) -> ResponseReturnValue:
        # The request itself: each attribute read through the proxy costs half a microsecond.
        current: Request = request._get_current_object()  # type: ignore[attr-defined]
        view: View = self._view
        if current.routing_exception is not None or current.method == "OPTIONS":
            return view(*args)
        if args:
            view = partial(view, *args)
        path = current.path
        if self._open and (path in self._open or path.startswith(self._below_open)):
            return view()
        if self._blueprints:
            for name in current.blueprints:
                if (guard := self._blueprints.get(name)) is not None:
                    view = partial(guard.run, view, self._app, current.method)
        for prefix, below, guard in self.prefixes.entries:
            if path == prefix or path.startswith(below):
                return guard.run(view, self._app, current.method)
        return view()


def _is_below(rule: Rule, exact: str, below: str) -> bool:
    return rule.rule == exact or rule.rule.startswith(below)


def _copied(value: Any) -> Any:
    """As it is now, where it can be changed in place."""
    return copy(value) if isinstance(value, list | set) else value
