"""A guard: a resilience pipeline around views, at the place where Flask calls the view.

`before_request` hooks have run by then, so an authentication hook is never bypassed. A decorator
on the view itself (such as `login_required`) is inside a guard on a prefix or a blueprint, which
therefore answers in the view's place only to those whom `authorize` lets in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, abort, request
from flask.typing import ResponseReturnValue

from medianest.guards.guard_keywords import GuardFallback
from medianest.guards.settling import settled
from medianest.resilience import (
    BulkheadOptions,
    CallRefusedError,
    CircuitBreakerOptions,
    ConfigurationError,
    Deadline,
    DeferredSettlement,
    ErrorRecoveryManager,
    Fallback,
    Pipeline,
    Recovery,
    Registry,
    Retry,
    RetryOptions,
    Strategy,
)
from medianest.resilience.arguments import tells_arguments
from medianest.resilience.errors import PortableError
from medianest.resilience.handlers import answering
from medianest.resilience.keywords import CircuitBreakerKeywords, RetryKeywords
from medianest.resilience.options import configure
from medianest.resilience.outcome import reraise
from medianest.resilience.strategy import refuse_unfinished

__all__ = ["Guard"]

logger = logging.getLogger(__name__)

View = Callable[[], ResponseReturnValue]

_ATTEMPTS = "medianest.attempts"
"""In the WSGI environ: the attempts, when one has failed."""

_NOTHING: dict[str, Any] = {}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


_Attempt = tuple[Exception | None, Response]
"""What was raised or stands for a failure, and what the view answered or the app made of it."""


class ViewFailedError(PortableError):
    """A view answered with a failure; `response` is what it answered."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"the view answered {response.status}")
        self.response = response


@tells_arguments
class Guard:
    """Runs views through `Fallback > Recovery > Retry > CircuitBreaker > Bulkhead > Deadline`.

    A response of 500 or above counts as failure, and so does one for which `failure_if(response)`
    is true; any other of 400 or above as ignored, for it tells of the client. An error counts by
    the response into which the app's handlers turn it. Only safe methods are retried, or run again
    after a recovery action has repaired something. A streamed response is settled when it ends.
    Parts that are not given are left out; the circuit breaker is always there.

    `authorize()` is asked before all else, once a request: True lets the request in, False and
    None are answered with 403, and anything else is the answer.
    """

    def __init__(
        self,
        service: str,
        registry: Registry,
        *,
        retry: int | RetryKeywords | RetryOptions | Retry | None = None,
        fallback: GuardFallback | Fallback | None = None,
        max_concurrent: int | None = None,
        timeout: float | None = None,
        circuit_breaker: CircuitBreakerKeywords | CircuitBreakerOptions | None = None,
        recovery: ErrorRecoveryManager | None = None,
        authorize: Callable[[], ResponseReturnValue | bool | None] | None = None,
        failure_if: Callable[[Response], bool] | None = None,
    ) -> None:
        _check_functions(service, authorize=authorize, failure_if=failure_if)
        self.service = service
        answers = fallback is not None or recovery is not None
        self.answers_strangers = answers and authorize is None
        """Whether it answers in a view's place without knowing for whom."""
        self._authorize, self._failure_if = authorize, failure_if
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
        self._once = self._repeatable = once.wrap(self._attempt)
        if retry is not None or recovery is not None:
            repeating: list[Strategy] = []
            if recovery is not None:
                repeating.append(_recovery(recovery, service, 2))
            if retry is not None:
                repeating.append(_retry(retry, service, registry))
            again = Pipeline(service, [*around, *repeating, *inside])
            self._repeatable = again.wrap(self._attempt)

    def run(self, view: View, app: Flask, method: str) -> Response:
        """Run a view for a request of that method and return its response, or the fallback's.
        Raises what the view raises and the refusals of the pipeline."""
        if self._authorize is not None and (answer := self._authorize()) is not True:
            return app.make_response(_denial(answer))
        if not _are_enabled(app):
            return app.make_response(view())
        invoke = self._repeatable if method in _SAFE_METHODS else self._once
        attempts: list[_Attempt] = []
        response: Any = None
        try:
            response = invoke(view, (app, attempts), _NOTHING)
            if not attempts or attempts[-1][1] is not response:  # a fallback's, or an action's
                response = _for_one_request(response, app)
        except DeferredSettlement as handover:
            response = settled(handover)
        except Exception as error:
            told = error.__cause__ if isinstance(error, CallRefusedError) else None  # of a retry
            response = next((r for e, r in reversed(attempts) if e is error or e is told), None)
            if response is None:
                raise
        finally:
            if attempts and attempts[0][0] is not None:
                _forget(attempts, response)
        return response  # type: ignore[no-any-return]

    def _attempt(self, view: View, args: tuple[Flask, list[_Attempt]], _: object) -> Response:
        """The innermost Invoke: the view's response, or an exception for what is not an answer."""
        app, attempts = args
        error: Exception | None = None
        try:
            try:
                response = app.make_response(view())
            except Exception as raised:
                # The app's own handlers say what an error means; what none handles is raised again.
                response = app.make_response(app.handle_user_exception(raised))
                error = raised
            if response.status_code >= 500 or self._is_failure(response):
                reraise(_noted(response, error, attempts))
        finally:
            del error  # its traceback knows this frame: each would keep the other
        attempts.append((None, response))
        if response.status_code >= 400 or response.is_streamed:
            raise DeferredSettlement(response)  # past every strategy: it is no success, or not yet
        return response

    def _is_failure(self, response: Response) -> bool:
        if self._failure_if is None:
            return False
        try:
            return bool(self._failure_if(response))
        except Exception:  # the answer is there all the same
            logger.exception("failure_if of the guard of %r failed", self.service)
            return False


def _noted(response: Response, error: Exception | None, attempts: list[_Attempt]) -> Exception:
    # The error itself, so that expected_errors and the fallback see what the view raised.
    cause = error or ViewFailedError(response)
    attempts.append((cause, response))
    request.environ[_ATTEMPTS] = attempts
    return cause


def _are_enabled(app: Flask) -> bool:
    enabled = app.config["RESILIENCE_GUARDS_ENABLED"]
    return bool(enabled) if enabled is not None else not app.testing


def _check_functions(service: str, **given: object) -> None:
    for option, function in given.items():
        if function is not None and not callable(function):
            raise ConfigurationError(
                f"guard of {service!r}: {option} must be a function, not {function!r}"
            )
        if function is not None:
            refuse_unfinished(function)


def _denial(answer: Any) -> ResponseReturnValue:
    if answer is None or answer is False:
        abort(403)
    return answer  # type: ignore[no-any-return]


def _for_one_request(answer: Any, app: Flask) -> Response:
    """What a fallback or a recovery action answers. Where that is one response for all, hooks would
    add one client's cookies to what the next one gets."""
    shared = answer[0] if isinstance(answer, tuple) and answer else answer
    response = app.make_response(answer)
    if response is not shared:
        return response
    own = app.response_class(response.response, response.status, response.headers.copy())
    own.direct_passthrough = response.direct_passthrough
    own.call_on_close(response.close)
    return own


def _forget(attempts: list[_Attempt], answer: Response | None) -> None:
    """Close the responses that are not sent, and keep no error: each holds all that led to it."""
    request.environ.pop(_ATTEMPTS, None)
    for _, response in attempts:
        if response is not answer:
            _close(response)
    attempts.clear()


def _close(response: Response) -> None:
    try:
        response.close()
    except Exception:  # what took its place is good all the same
        logger.exception("a response that was dropped cannot be closed")


def _fallback(given: GuardFallback | Fallback, service: str) -> Strategy:
    if not isinstance(given, Fallback):
        return Fallback(_logging(answering(given, f"guard of {service!r}")), name=service)
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


def _logging(
    fallback: Callable[[BaseException], ResponseReturnValue],
) -> Callable[[BaseException], ResponseReturnValue]:
    def answer(error: BaseException) -> ResponseReturnValue:
        attempts = request.environ.get(_ATTEMPTS, ())
        handled = any(e is error for e, _ in attempts)  # by the app, which may log it
        if not handled and not isinstance(error, CallRefusedError | ViewFailedError):
            # A fallback hides the error from the client, but must not hide a bug from the log.
            logger.error("a guarded view failed; its fallback answers", exc_info=error)
        return fallback(error)

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
