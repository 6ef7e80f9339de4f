"""A guard: a resilience pipeline around views, at the place where Flask calls the view.

`before_request` hooks have run by then, so an authentication hook is never bypassed. A decorator
on the view itself (such as `login_required`) is inside a guard on a prefix or a blueprint: put
`protect` below it instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask, Response, current_app, request
from flask.typing import ResponseReturnValue

from medianest.resilience import (
    BulkheadOptions,
    CallRefusedError,
    CircuitBreakerOptions,
    ConfigurationError,
    Deadline,
    ErrorRecoveryManager,
    Fallback,
    Handover,
    Pipeline,
    Recovery,
    Registry,
    Retry,
    RetryOptions,
    Strategy,
)
from medianest.resilience.errors import PortableError
from medianest.resilience.keywords import CircuitBreakerKeywords, RetryKeywords
from medianest.resilience.options import configure
from medianest.resilience.outcome import raise_again

__all__ = ["Guard"]

logger = logging.getLogger(__name__)

View = Callable[[], ResponseReturnValue]

AT_THE_END = "medianest.at-the-end"
"""In the WSGI environ: what to call when the server has done with the response, whatever became
of it: hooks may replace it or raise, and Werkzeug never closes one that passes a file through."""

_FAILED = "medianest.failed"
"""In the WSGI environ: errors of attempts, and the responses that they were turned into."""

_NOTHING: dict[str, Any] = {}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


_Failed = tuple[Exception, Response]


class ViewFailedError(PortableError):
    """A view answered with 500 or above; `response` is what it answered."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"the view answered {response.status}")
        self.response = response


class Guard:
    """Runs views through `Fallback > Recovery > Retry > CircuitBreaker > Bulkhead > Deadline`.

    A response of 500 or above counts as failure, an error that the app's handlers turn into
    anything less does not. Only safe methods are retried, or run again after a recovery action has
    repaired something. A streamed response is settled when it ends. Parts that are not given are
    left out; the circuit breaker is always there.
    """

    def __init__(
        self,
        service: str,
        registry: Registry,
        *,
        retry: int | RetryKeywords | RetryOptions | Retry | None = None,
        fallback: Callable[[BaseException], ResponseReturnValue] | Fallback | None = None,
        max_concurrent: int | None = None,
        timeout: float | None = None,
        circuit_breaker: CircuitBreakerKeywords | CircuitBreakerOptions | None = None,
        recovery: ErrorRecoveryManager | None = None,
    ) -> None:
        self.service = service
        around = [] if fallback is None else [_fallback(fallback, service)]
        recovered = [] if recovery is None else [_recovery(recovery, service, 1)]
        inside: list[Strategy] = [
            registry.breaker(service, _options(CircuitBreakerOptions, circuit_breaker, service))
        ]
        if max_concurrent is not None:
            inside.append(registry.bulkhead(service, BulkheadOptions(max_concurrent)))
        if timeout is not None:
            inside.append(Deadline(timeout, name=service, clock=registry.clock))
        # Composed around `_attempt` itself, which saves two frames a request.
        once = Pipeline(service, [*around, *recovered, *inside])
        self._once = self._repeatable = once.wrap(_attempt)
        if retry is not None or recovery is not None:
            repeating: list[Strategy] = []
            if recovery is not None:
                repeating.append(_recovery(recovery, service, 2))
            if retry is not None:
                repeating.append(_retry(retry, service, registry))
            again = Pipeline(service, [*around, *repeating, *inside])
            self._repeatable = again.wrap(_attempt)

    def run(self, view: View, app: Flask, method: str) -> Response:
        """Run a view for a request of that method and return its response, or the fallback's.
        Raises what the view raises and the refusals of the pipeline."""
        invoke = self._repeatable if method in _SAFE_METHODS else self._once
        failed: list[_Failed] = []
        response: Any = None
        try:
            response = invoke(view, (app, failed), _NOTHING)
            if not isinstance(response, Response):  # what a fallback or a recovery action answers
                response = app.make_response(response)
        except Handover as handover:
            response = _settle_at_the_end(handover)
        except Exception as error:
            response = next((r for e, r in reversed(failed) if e is error), None)
            if response is None:
                raise
        finally:
            for _, dropped in failed:
                if dropped is not response:
                    _close(dropped)
        return response  # type: ignore[no-any-return]


def _close(response: Response) -> None:
    try:
        response.close()
    except Exception:  # what took its place is good all the same
        logger.exception("a response that was dropped cannot be closed")


def _attempt(view: View, args: tuple[Flask, list[_Failed]], _: object) -> Response:
    """The innermost Invoke: the view's response, or an exception for what is not an answer."""
    app, failed = args
    error: Exception | None = None
    try:
        response = app.make_response(view())
    except Exception as raised:
        # The app's own handlers say what an error means; one that none handles is raised again.
        response = app.make_response(app.handle_user_exception(raised))
        error = raised
    if response.status_code >= 500:
        # The error itself, so that expected_errors and the fallback see what the view raised.
        cause = error or ViewFailedError(response)
        failed.append((cause, response))
        request.environ[_FAILED] = failed
        raise_again(cause)
    if response.is_streamed:
        raise Handover(response)
    return response


def _settle_at_the_end(handover: Handover) -> Response:
    response: Response = handover.result
    # The server sends a file by itself, and nothing for HEAD; all we learn is that it is done.
    bodiless = request.method == "HEAD" or response.status_code in (204, 304)
    sent_by_server = response.direct_passthrough or bodiless
    last = handover.success if sent_by_server else handover.release
    request.environ.setdefault(AT_THE_END, []).append(last)
    if not sent_by_server:
        response.response = _Settling(response.response, handover)
    return response


class _Settling(Iterator[Any]):
    """The body of a streamed response, which settles the call when it ends."""

    def __init__(self, body: Any, handover: Handover) -> None:
        self._body, self._handover = body, handover
        self._iterator = iter(body)

    def __next__(self) -> Any:
        try:
            part = next(self._iterator)
        except StopIteration:
            self._handover.success()
            raise
        except BaseException as error:
            self._handover.failure(error)
            raise
        self._handover.progress()
        return part

    def close(self) -> None:
        """Called by the server in any case; before the end it means that the client has left."""
        try:
            self._handover.release()
        finally:
            if hasattr(self._body, "close"):
                self._body.close()


def _fallback(
    given: Callable[[BaseException], ResponseReturnValue] | Fallback, service: str
) -> Strategy:
    if not isinstance(given, Fallback):
        return Fallback(_answering(given), name=service)
    if isinstance(given.value, Response):
        raise ConfigurationError(
            f"guard of {service!r}: one response cannot answer many requests, which add cookies "
            f"and headers to it; give a function that makes a new one each time"
        )
    if given.remembers:
        raise ConfigurationError(
            f"guard of {service!r}: a guard's fallback cannot serve last good answers, since one "
            f"request's response may be nobody else's; give last_good to the call inside the view"
        )
    return given


def _answering(
    fallback: Callable[[BaseException], ResponseReturnValue],
) -> Callable[[BaseException], Response]:
    def answer(error: BaseException) -> Response:
        failed = request.environ.get(_FAILED, ())
        handled = any(e is error for e, _ in failed)  # by the app, which may log it
        if not handled and not isinstance(error, CallRefusedError | ViewFailedError):
            # A fallback hides the error from the client, but must not hide a bug from the log.
            logger.error("a guarded view failed; its fallback answers", exc_info=error)
        return current_app.make_response(fallback(error))

    return answer


def _recovery(manager: ErrorRecoveryManager, service: str, max_attempts: int) -> Recovery:
    return Recovery(
        manager,
        service=service,
        operation=lambda *call: request.endpoint or request.path,
        metadata=lambda *call: {"method": request.method, "path": request.path},
        max_attempts=max_attempts,
    )


def _retry(
    given: int | RetryKeywords | RetryOptions | Retry, service: str, registry: Registry
) -> Retry:
    if isinstance(given, Retry):
        return given
    wanted = RetryOptions(given) if isinstance(given, int) else given
    options = _options(RetryOptions, wanted, service)
    budget, clock = registry.budget(service), registry.clock
    return Retry(options, name=service, budget=budget, clock=clock)


def _options(kind: type[Any], given: Any, service: str) -> Any:
    if isinstance(given, dict):
        return configure(kind, None, given, f"guard of {service!r}")
    return configure(kind, given, {}, f"guard of {service!r}") if given is not None else None
