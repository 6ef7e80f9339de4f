"""The Flask extension: guards around views, a limit of requests in flight, a deadline for each."""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Callable
from functools import cached_property, partial, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, overload

from flask import Blueprint, Flask, Response, current_app, request
from flask.sansio.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ServiceUnavailable

from medianest.dependencies import MonitoredService
from medianest.extras import extra
from medianest.flask.paths import Paths
from medianest.guards.guard import Guard
from medianest.guards.guard_keywords import GuardKeywords
from medianest.guards.guarded_app import GuardedApp, Prefixes, guard_blueprint
from medianest.guards.placement import ProtectedViews, refuse_outside, refuse_wrapped
from medianest.resilience import CallRefusedError, ConfigurationError, Registry
from medianest.resilience.arguments import tells_arguments
from medianest.resilience.strategy import refuse_unfinished

if TYPE_CHECKING:
    from medianest.flask.shared import Shared

__all__ = ["Resilience"]

P = ParamSpec("P")
_WATCHING = "medianest.watching"
"""In `app.extensions`: what goes on beside the requests of an app that shows its resilience."""

V = TypeVar("V", bound=Callable[..., ResponseReturnValue])


@tells_arguments
class Resilience:
    """Protects the views of Flask apps.

        resilience = Resilience(app)
        resilience.guard("/api/critical", service="critical-service", retry=3, max_concurrent=20)

        @app.get("/report")
        @resilience.protect(service="reports", fallback=lambda error: ("later, please", 503))
        def report(): ...

        resilience.service.register_dependency("nas", health_check_url="http://nas:5000/")
        resilience.service.health("nas").status

    What is registered is looked at in the background from the first request on (not in an app
    that is `testing`), in each process. What the pipeline refuses is answered with 503 and
    Retry-After, unless the app handles CallRefusedError itself.

    What it knows is shown where the app says:
    endpoints    the path below which the endpoints are, such as "/resilience": health, circuit
                 breakers, alerts, events …, as docs/flask.md lists them; with them come the
                 commands of `flask medianest`
    page         the path of the page for people; True: `/page` below the endpoints
    metrics      the path for Prometheus
    authorize    a function that is called with "viewer" for who looks and "operator" for who acts,
                 and returns True or the name of who that is. False or None is answered with 403,
                 anything else is the answer. It must be given, unless the app is in debug mode or
                 testing: then everybody may look, and nobody act.

    An extension may be in several apps: each has its own guards, limits and places. Breakers,
    bulkheads and budgets are the registry's; give apps that should not share them one each.

    Configuration keys, read by `init_app`:
    RESILIENCE_MAX_IN_FLIGHT    requests served at once, above which load is shed with 503
                                (OverloadedError); None: no limit. Keep it below the threads.
    RESILIENCE_NEVER_SHED       path prefixes that the limit does not count, "/" the front page
                                alone; ()
    RESILIENCE_REQUEST_TIMEOUT  the deadline of each request in seconds; None: none
    RESILIENCE_FOLDER           a folder for all processes of the app on this host: their circuit
                                breakers judge as one, and what operators want of them is kept
                                there; None: each process is on its own

    Read at each request, so that an app's own tests can turn them on and off:
    RESILIENCE_GUARDS_ENABLED   whether guards do more than `authorize`; None: unless the app is
                                `testing`
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        registry: Registry | None = None,
        endpoints: str | None = None,
        page: str | bool | None = None,
        metrics: str | None = None,
        authorize: Callable[[str], Any] | None = None,
    ) -> None:
        self._paths = Paths.of(endpoints, page, metrics)
        if authorize is not None and self._paths is None:
            raise ConfigurationError("authorize goes with endpoints, page or metrics")
        self._authorize = authorize
        self.registry = registry if registry is not None else Registry()
        self._early = Prefixes()
        self._latest = [self._early]
        """For whom `guard` speaks: the apps that came since it last did, at first for all."""
        self._has_spoken = True
        self._views = ProtectedViews()
        self._apps: weakref.WeakSet[Flask] = weakref.WeakSet()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> GuardedApp:
        """Put the guards into an app. Raises ConfigurationError when it has the extension already,
        and for a wrong value in its configuration."""
        if not isinstance(app, Flask):
            raise ConfigurationError(
                f"Resilience takes a Flask app, not {app!r}; protect(...) guards a blueprint"
            )
        if "resilience" in app.extensions:
            raise ConfigurationError("this app has a Resilience extension already")
        # First: a wrong value must leave the app as it was.
        open_to = () if self._paths is None else self._paths.all()
        guarded = GuardedApp(app, self.registry, self._early, self._views, open_to)
        if self._paths is not None:
            self._add_surface(app, guarded, self._paths)
        elif app.config["RESILIENCE_FOLDER"] is not None:
            self._share(app, app.config["RESILIENCE_FOLDER"])
        app.extensions["resilience"] = guarded
        if CallRefusedError not in app.error_handler_spec[None][None]:
            app.register_error_handler(CallRefusedError, _unavailable)
        guarded.install()
        app.before_request(self._begin_to_watch)
        self._apps.add(app)
        self._latest = [guarded.prefixes] + ([] if self._has_spoken else self._latest)
        self._has_spoken = False
        return guarded

    @cached_property
    def service(self) -> MonitoredService:
        """Where dependencies are registered and called by name, beside the guards: in the same
        registry, and with a health monitor."""
        made = MonitoredService(self.registry)
        # When no app has the extension any more, nobody wants to know.
        weakref.finalize(self, made.monitor.stop, patience=0.0).atexit = False
        return made

    def _begin_to_watch(self) -> None:
        # Not earlier: threads that are started before a fork stay in the parent.
        if current_app.testing:
            return
        watching = current_app.extensions.get(_WATCHING)
        if watching is not None:
            watching.start()
        elif "service" in vars(self):
            self.service.monitor.start()

    def _add_surface(self, app: Flask, guarded: GuardedApp, paths: Paths) -> None:
        # Not above: who wants nothing of this needs none of what it is made of.
        with extra("endpoints"):
            from medianest.flask.gate import Gate
            from medianest.flask.surface import add_surface

        gate = Gate(app, self._authorize)
        watching = add_surface(app, guarded, self._shared, paths, gate)
        app.extensions[_WATCHING] = watching

    def _share(self, app: Flask, folder: Any) -> None:
        from medianest.flask.shared_peers import folder_of, peers_of
        from medianest.flask.watching import Watching

        if (found := folder_of(folder)) is not None:
            jobs = [peers_of(self.registry, found).job()]
            app.extensions[_WATCHING] = Watching(jobs, self.service.monitor, self.registry.clock)

    @cached_property
    def _shared(self) -> Shared:
        from medianest.flask.shared import Shared

        return Shared(self.service)

    @tells_arguments
    def guard(self, prefix: str, *, service: str, **options: Unpack[GuardKeywords]) -> Guard:
        """Guard every view below a path; of several prefixes the longest counts. It counts for the
        apps that were given since the last guards, and before there is one, for all.

        `options` are those of Guard: retry, fallback, recovery, max_concurrent, timeout,
        circuit_breaker, failure_if, authorize. A fallback or a recovery needs `authorize`, as the
        guard is outside of the views' decorators. Raises ConfigurationError.
        """
        if not (isinstance(prefix, str) and prefix.startswith("/")):
            raise ConfigurationError(f"a guarded prefix starts with /, not {prefix!r}")
        guard = Guard(service, self.registry, **options)
        refuse_outside(guard, f"the prefix {prefix!r}")
        self._has_spoken = True
        for prefixes in self._latest:
            prefixes.add(prefix, guard)
        return guard

    @overload
    def protect(
        self, target: Blueprint, /, *, service: str, **options: Unpack[GuardKeywords]
    ) -> Blueprint: ...

    @overload
    def protect(
        self, target: None = None, /, *, service: str, **options: Unpack[GuardKeywords]
    ) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, Response]]: ...

    @tells_arguments
    def protect(
        self,
        target: Blueprint | None = None,
        /,
        *,
        service: str,
        **options: Unpack[GuardKeywords],
    ) -> Any:
        """Guard one view, as its decorator, or each view of a blueprint; `options` as `guard`. A
        fallback or a recovery needs no `authorize` directly above the `def` of a view."""
        guard = Guard(service, self.registry, **options)
        if target is None:
            return partial(self._protect_view, guard)
        if not isinstance(target, Blueprint):
            raise ConfigurationError(
                f"protect takes a blueprint or decorates a view, and is always called with "
                f"service=...; {target!r} is neither"
            )
        refuse_outside(guard, f"the blueprint {target.name!r}")
        # Its name in the app is known when it is registered: nested, or under another name.
        target.record(partial(_protect_blueprint, guard))
        return target

    def _protect_view(self, guard: Guard, view: V) -> Callable[..., Response]:
        refuse_unfinished(view)
        refuse_wrapped(guard, view, sys._getframe(1))

        @wraps(view)
        def protected(*args: Any, **kwargs: Any) -> Response:
            app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
            if "resilience" not in app.extensions:
                raise ConfigurationError("this app has no Resilience extension: call init_app(app)")
            return guard.run(partial(view, *args, **kwargs), app, request.method)

        protected.guard = guard  # type: ignore[attr-defined]
        self._views.add(view, protected, self._apps)
        return protected


def _protect_blueprint(guard: Guard, state: BlueprintSetupState) -> None:
    name = f"{state.name_prefix}.{state.name}".removeprefix(".")
    guard_blueprint(state.app, name, guard)


def _unavailable(error: CallRefusedError) -> ResponseReturnValue:
    """A refusal that nothing else handles is a 503, as the app answers those."""
    wait = None if error.retry_after is None else max(1, math.ceil(error.retry_after))
    unavailable = ServiceUnavailable(str(error), retry_after=wait)
    return current_app.handle_http_exception(unavailable)
