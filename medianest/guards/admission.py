"""The door of the app: so many requests in flight, each with a deadline.

Threads that requests never get are left for probes and for operators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, Response, request

from medianest.guards.ending import AT_THE_END, STREAMED, is_stream
from medianest.resilience import (
    Bulkhead,
    BulkheadFullError,
    ConfigurationError,
    Deadline,
    Place,
    Registry,
)

__all__ = ["Admission", "OverloadedError"]

_REFUSED = "medianest.refused"
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class OverloadedError(BulkheadFullError):
    """As many requests are in flight as are allowed."""


class Admission:
    """Stands around an app's WSGI entry. A request beyond the limit is refused inside the app, by
    an OverloadedError before any other hook, so that the app's own error handler answers it.

    `places` are the app's own; None when there is no limit.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        max_in_flight: int | None,
        never_shed: Iterable[str],
        request_timeout: float | None,
        open_to: tuple[str, ...] = (),
    ) -> None:
        if isinstance(never_shed, str):
            raise ConfigurationError(
                f"RESILIENCE_NEVER_SHED takes a list of paths, not {never_shed!r}"
            )
        self._never_shed = tuple(path.rstrip("/") or "/" for path in (*never_shed, *open_to))
        self._below = tuple(f"{path}/" for path in self._never_shed if path != "/")
        self.places: Bulkhead | None = None
        self._deadline: Deadline | None = None
        if max_in_flight is not None:
            with _naming("RESILIENCE_MAX_IN_FLIGHT"):
                self.places = Bulkhead("in-flight", max_concurrent=max_in_flight)
        if request_timeout is not None:
            with _naming("RESILIENCE_REQUEST_TIMEOUT"):
                self._deadline = Deadline(request_timeout, name="request", clock=registry.clock)

    def install(self, app: Flask) -> None:
        """Stand at the door of an app."""
        self._app: Wsgi = app.wsgi_app
        if self.places is not None:
            app.before_request_funcs.setdefault(None, []).insert(0, _refuse)
            app.after_request(_note_stream)
        if self.places is not None or self._deadline is not None:
            app.wsgi_app = self  # type: ignore[method-assign]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        place = self._place_for(environ)
        try:
            body = self._answer(environ, start_response)
        except BaseException:
            if place is not None:
                place.release()
            raise
        if place is None:
            return body
        if environ.get(STREAMED):
            environ.setdefault(AT_THE_END, []).append(place.release)
        else:
            place.release()  # the body is all there; what is left is to send it
        return body

    def sheds(self, path: str) -> bool:
        """Whether the limit counts requests for a path."""
        return (path or "/") not in self._never_shed and not path.startswith(self._below)

    def _place_for(self, environ: dict[str, Any]) -> Place | None:
        if self.places is None or not self.sheds(environ.get("PATH_INFO", "")):
            return None
        try:
            return self.places.acquire()
        except BulkheadFullError as error:
            environ[_REFUSED] = OverloadedError(*error.args)
            return None

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if self._deadline is None:
            return self._app(environ, start_response)
        return self._deadline.call(self._app, environ, start_response)


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """A wrong value is told with the key that the app has set."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"{key}: {error}") from None


def _refuse() -> None:
    error = request.environ.get(_REFUSED)
    if error is not None:
        raise error


def _note_stream(response: Response) -> Response:
    request.environ[STREAMED] = is_stream(response)
    return response
