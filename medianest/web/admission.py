"""The door of the app: so many requests in flight, each with a deadline.

Threads that requests never get are left for probes and for operators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, request
from werkzeug.wsgi import ClosingIterator

from medianest.resilience import Bulkhead, BulkheadFullError, Deadline, Place, Registry

__all__ = ["Admission"]

_REFUSED = "medianest.refused"
_STREAMED = "medianest.streamed"
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Admission:
    """Stands around an app's WSGI entry. A request beyond the limit is refused inside the app, by
    a BulkheadFullError before any other hook, so that the app's own error handler answers it."""

    def __init__(
        self,
        app: Flask,
        registry: Registry,
        *,
        max_in_flight: int | None,
        never_shed: tuple[str, ...],
        request_timeout: float | None,
    ) -> None:
        self._never_shed = never_shed
        self._app: Wsgi = app.wsgi_app
        self._places: Bulkhead | None = None
        self._deadline: Deadline | None = None
        if max_in_flight is not None:
            self._places = registry.bulkhead("in-flight", max_concurrent=max_in_flight)
            app.before_request_funcs.setdefault(None, []).insert(0, _refuse)
            app.after_request(_note_stream)
        if request_timeout is not None:
            self._deadline = Deadline(request_timeout, name="request", clock=registry.clock)
        if max_in_flight is not None or request_timeout is not None:
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
        if environ.get(_STREAMED):
            return ClosingIterator(body, place.release)
        place.release()  # the body is all there; what is left is to send it
        return body

    def _place_for(self, environ: dict[str, Any]) -> Place | None:
        if self._places is None or environ["PATH_INFO"].startswith(self._never_shed):
            return None
        try:
            return self._places.acquire()
        except BulkheadFullError as error:
            environ[_REFUSED] = error
            return None

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if self._deadline is None:
            return self._app(environ, start_response)
        return self._deadline.call(self._app, environ, start_response)


def _refuse() -> None:
    error = request.environ.get(_REFUSED)
    if error is not None:
        raise error


def _note_stream(response: Response) -> Response:
    if response.is_streamed:
        request.environ[_STREAMED] = True
    return response
