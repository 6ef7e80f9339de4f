"""The Flask extension: guards around views, a limit of requests in flight, a deadline for each."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar, Unpack, overload

from flask import Blueprint, Flask, Request, Response, current_app, request
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ServiceUnavailable

from medianest.resilience import CallRefusedError, ConfigurationError, Registry
from medianest.resilience.strategy import refuse_unfinished
from medianest.web.admission import Admission
from medianest.web.ending import Ending
from medianest.web.guard import AT_THE_END, Guard, View
from medianest.web.guard_keywords import GuardKeywords

__all__ = ["Resilience"]

P = ParamSpec("P")
V = TypeVar("V", bound=Callable[..., ResponseReturnValue])


class Resilience:
    """Protects the views of Flask apps.

        resilience = Resilience(app)
        resilience.guard("/api/critical", service="critical-service", retry=3, max_concurrent=20)

        @app.get("/report")
        @resilience.protect(service="reports", fallback=lambda error: ("later, please", 503))
        def report(): ...

    What the pipeline refuses is answered with 503 and Retry-After, unless the app handles
    CallRefusedError itself.

    Configuration keys, read by `init_app`:
    RESILIENCE_MAX_IN_FLIGHT    requests served at once, above which load is shed with 503
                                (OverloadedError); None: no limit. Keep it below the threads.
    RESILIENCE_NEVER_SHED       path prefixes that the limit does not count; ()
    RESILIENCE_REQUEST_TIMEOUT  the deadline of each request in seconds; None: none
    """

    def __init__(self, app: Flask | None = None, *, registry: Registry | None = None) -> None:
        self.registry = registry if registry is not None else Registry()
        self._prefixes: list[tuple[str, str, Guard]] = []
        self._blueprints: dict[tuple[int, str], Guard] = {}
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Put the guards into an app. Raises ConfigurationError when it has them already."""
        if "resilience" in app.extensions:
            raise ConfigurationError("this app has a Resilience extension already")
        app.config.setdefault("RESILIENCE_MAX_IN_FLIGHT", None)
        app.config.setdefault("RESILIENCE_NEVER_SHED", ())
        app.config.setdefault("RESILIENCE_REQUEST_TIMEOUT", None)
        self.admission = Admission(  # first: a wrong value must leave the app as it was
            self.registry,
            max_in_flight=app.config["RESILIENCE_MAX_IN_FLIGHT"],
            never_shed=app.config["RESILIENCE_NEVER_SHED"],
            request_timeout=app.config["RESILIENCE_REQUEST_TIMEOUT"],
        )
        app.extensions["resilience"] = self
        if CallRefusedError not in app.error_handler_spec[None][None]:
            app.register_error_handler(CallRefusedError, _unavailable)
        # `dispatch_request` is where Flask calls the view, after every before_request hook.
        dispatch = app.dispatch_request
        app.dispatch_request = partial(self._dispatch, app, dispatch)  # type: ignore[method-assign]
        app.wsgi_app = partial(_to_the_end, app.wsgi_app)  # type: ignore[method-assign]
        self.admission.install(app)

    def guard(self, prefix: str, *, service: str, **options: Unpack[GuardKeywords]) -> Guard:
        """Guard every view below a path; of several prefixes the longest counts. `options` are
        those of Guard: retry, fallback, recovery, max_concurrent, timeout, circuit_breaker."""
        if not prefix.startswith("/"):
            raise ConfigurationError(f"a guarded prefix starts with /, not {prefix!r}")
        guard = Guard(service, self.registry, **options)
        exact = prefix.rstrip("/")
        others = [entry for entry in self._prefixes if entry[0] != exact]
        self._prefixes = sorted([*others, (exact, exact + "/", guard)], key=_longest_first)
        return guard

    @overload
    def protect(
        self, target: Blueprint, /, *, service: str, **options: Unpack[GuardKeywords]
    ) -> Blueprint: ...

    @overload
    def protect(
        self, target: None = None, /, *, service: str, **options: Unpack[GuardKeywords]
    ) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, Response]]: ...

    def protect(
        self,
        target: Blueprint | None = None,
        /,
        *,
        service: str,
        **options: Unpack[GuardKeywords],
    ) -> Any:
        """Guard one view, as its decorator, or each view of a blueprint; `options` as `guard`."""
        guard = Guard(service, self.registry, **options)
        if target is None:
            return partial(_protected, guard)
        if not isinstance(target, Blueprint):
            raise ConfigurationError(
                f"protect takes a blueprint or decorates a view, and is always called with "
                f"service=...; {target!r} is neither"
            )
        # Its name in the app is known when it is registered: nested, or under another name.
        target.record(partial(self._guard_blueprint, guard))
        return target

    def _guard_blueprint(self, guard: Guard, state: BlueprintSetupState) -> None:
        name = f"{state.name_prefix}.{state.name}".lstrip(".")
        self._blueprints[id(state.app), name] = guard  # another app may have one of that name

    def _dispatch(self, app: Flask, dispatch: View, *args: Any) -> ResponseReturnValue:
        # The request itself: each attribute read through the proxy costs half a microsecond.
        current: Request = request._get_current_object()  # type: ignore[attr-defined]
        if current.routing_exception is not None or current.method == "OPTIONS":
            return dispatch(*args)
        if args:
            dispatch = partial(dispatch, *args)
        if self._blueprints:
            for name in current.blueprints:
                if (guard := self._blueprints.get((id(app), name))) is not None:
                    dispatch = partial(guard.run, dispatch, app, current.method)
        path = current.path
        for prefix, below, guard in self._prefixes:
            if path == prefix or path.startswith(below):
                return guard.run(dispatch, app, current.method)
        return dispatch()


def _to_the_end(app: Any, environ: dict[str, Any], start_response: Any) -> Any:
    try:
        body = app(environ, start_response)
    except BaseException:
        _end(environ)
        raise
    return Ending(body, partial(_end, environ)) if AT_THE_END in environ else body


def _end(environ: dict[str, Any]) -> None:
    with ExitStack() as stack:  # each of them, whatever another raises
        for settle in environ.pop(AT_THE_END, ()):
            stack.callback(settle)


def _unavailable(error: CallRefusedError) -> ResponseReturnValue:
    """A refusal that nothing else handles is a 503, as the app answers those."""
    wait = None if error.retry_after is None else max(1, math.ceil(error.retry_after))
    unavailable = ServiceUnavailable(str(error), retry_after=wait)
    return current_app.handle_http_exception(unavailable)


def _protected(guard: Guard, view: V) -> Callable[..., Response]:
    refuse_unfinished(view)

    @wraps(view)
    def protected(*args: Any, **kwargs: Any) -> Response:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        return guard.run(partial(view, *args, **kwargs), app, request.method)

    return protected


def _longest_first(entry: tuple[str, str, Guard]) -> int:
    return -len(entry[0])
