"""An adapter for sessions of `requests`: each request through a circuit breaker or a pipeline, and
over in time."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from medianest.extras import extra

with extra("requests"):
    import requests
    import urllib3
    from requests import PreparedRequest, Response

from medianest.net.adapter import DeadlineAdapter
from medianest.resilience import (
    CallRefusedError,
    Clock,
    ConfigurationError,
    Deadline,
    DeferredSettlement,
    Pipeline,
    Recovery,
    Retry,
    Strategy,
    remaining,
)
from medianest.resilience.arguments import tells_arguments
from medianest.resilience.clock import as_clock
from medianest.resilience.errors import PortableError
from medianest.resilience.options import is_number
from medianest.resilience.outcome import causes, is_timeout

__all__ = ["FailedAnswerError", "RequestRefusedError", "ResilientAdapter"]

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_TOO_MANY_REQUESTS: Final = 429

_LEAST: Final = 0.001
"""Seconds: urllib3 takes no 0 for a timeout, and what is over ends by the deadline all the same."""

_dropped: Final[deque[DeferredSettlement]] = deque()
"""Of streamed answers that nobody has any more. A destructor may run anywhere, even where the lock
is held that settling needs, so the next request does it."""


class FailedAnswerError(PortableError, requests.HTTPError):
    """What a breaker, a retry or a fallback sees of an answer of 429 or of 500 and above; whoever
    made the request gets its `response`."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"it answered {response.status_code}", response=response)


class RequestRefusedError(CallRefusedError, requests.ConnectionError):
    """The pipeline refused the request, which was not sent. An error of `requests` as well, for
    code that expects no other; the refusal itself is its cause."""

    def __init__(self, refusal: CallRefusedError, request: PreparedRequest | None = None) -> None:
        requests.ConnectionError.__init__(self, refusal, request=request)
        self._refusal = refusal

    @property
    def name(self) -> str:
        """The name of what refused."""
        return self._refusal.name

    @property
    def retry_after(self) -> float | None:
        """Seconds after which another try is worth it."""
        return self._refusal.retry_after

    def __str__(self) -> str:
        return str(self._refusal)


@tells_arguments
class ResilientAdapter(DeadlineAdapter):
    """Sends the requests of a session through a breaker, a pipeline or any other strategy.

        session = requests.Session()
        breaker = CircuitBreaker("weather", expected_errors=("timeout", "5xx", "429"))
        session.mount("https://weather.example.org/", ResilientAdapter(breaker, timeout=5))

    `timeout` seconds bound a request in all: retries, the look-up of the name, TCP, TLS, and the
    last byte of the body, however slowly it drips. The deadline around the call and the `timeout`
    of a single request shorten it, a pair (connect, read) by its sum. A redirect is a request of
    its own.

    An answer of 429, or of 500 and above, is a failure to the strategy (FailedAnswerError), and is
    returned all the same; a fallback answers with a Response, and functions such as a `key` are
    given the PreparedRequest. Only GET, HEAD, OPTIONS and TRACE are made again: for others Retry
    and Recovery are left out. With `stream=True` the request is settled when its body ends.

    Raises the errors of `requests`, and RequestRefusedError for what the strategy refuses.
    """

    def __init__(
        self,
        strategy: Strategy,
        *,
        timeout: float = 30.0,
        hosts: int = 10,
        connections: int = 10,
        clock: Clock | Callable[[], float] | None = None,
    ) -> None:
        if not isinstance(strategy, Strategy):
            raise ConfigurationError(
                f"a ResilientAdapter takes a strategy such as CircuitBreaker(...) or "
                f"Pipeline(...), not {strategy!r}"
            )
        self._clock = as_clock(clock)
        self._timeout = Deadline(timeout).timeout
        self._name = str(getattr(strategy, "name", "requests"))
        self._repeatable, self._once = strategy, _made_once(strategy, self._name)
        super().__init__(hosts=hosts, connections=connections, clock=self._clock)

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Send one request, as a session does for every hop."""
        _give_back_dropped()
        options = {"verify": verify, "cert": cert, "proxies": proxies}
        seconds = min(self._timeout, _seconds(timeout, self._timeout))
        exchange = _Exchange(super().send, stream, options)
        strategy = self._repeatable if request.method in _SAFE else self._once
        try:
            with Deadline(seconds, name=self._name, clock=self._clock).scope():
                until = self._clock.now() + remaining()
                response, handover = exchange.run(strategy, request)
        except CallRefusedError as refusal:
            raise RequestRefusedError(refusal, request) from refusal
        if stream and handover is not None:
            response.raw = _StreamedBody(response.raw, handover, until, self._clock)
        return response


class _Exchange:
    """One request with all its attempts."""

    def __init__(self, send: Callable[..., Response], stream: bool, options: Any) -> None:
        self._send, self._stream, self._options = send, stream, options
        self._failed: list[Response] = []

    def run(
        self, strategy: Strategy, request: PreparedRequest
    ) -> tuple[Response, DeferredSettlement | None]:
        """The answer, of whatever status, and what is to be settled at its end; None for one that
        was not sent to us."""
        response: Any = None
        try:
            response = strategy.call(self._attempt, request)
        except DeferredSettlement as handover:
            return handover.result, handover
        except (FailedAnswerError, CallRefusedError) as error:
            answered = error if isinstance(error, FailedAnswerError) else error.__cause__
            if not isinstance(answered, FailedAnswerError):
                raise
            response = answered.response  # there is one, though its retry was refused
            return response, DeferredSettlement(response)
        finally:
            for failed in self._failed:
                if failed is not response:
                    failed.close()
        if not isinstance(response, Response):
            raise ConfigurationError(
                f"a fallback must answer with a requests.Response, not {response!r:.200}"
            )
        return response, None

    def _attempt(self, request: PreparedRequest) -> Response:
        left = max(_LEAST, remaining())
        with _told_apart(request):
            response = self._send(request, stream=self._stream, timeout=left, **self._options)
            if not self._stream:
                _read(response)
        if response.status_code >= 500 or response.status_code == _TOO_MANY_REQUESTS:
            self._failed.append(response)
            raise FailedAnswerError(response)
        if self._stream:
            raise DeferredSettlement(response)
        return response


class _StreamedBody:
    """The body of a streamed answer: its reads are over in time, and its end settles the call."""

    def __init__(self, raw: Any, handover: DeferredSettlement, until: float, clock: Clock) -> None:
        # What stays until the end must hold neither its answer nor the frames of the request.
        handover.result = handover.__traceback__ = None
        self._raw, self._handover = raw, handover
        self._until, self._clock = until, clock

    def __del__(self) -> None:
        _dropped.append(self._handover)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, *args: Any, **options: Any) -> Iterator[bytes]:
        """The parts of the body, as urllib3 gives them."""
        parts = iter(self._raw.stream(*args, **options))
        while (part := self._in_time(next, parts, None)) is not None:
            yield part
        self._handover.success()

    def read(self, amt: int | None = None, **options: Any) -> bytes:
        """As much of the body, or all that is left."""
        part: bytes = self._in_time(self._raw.read, amt, **options)
        if amt is None or (amt and not part):
            self._handover.success()
        return part

    def close(self) -> None:
        """Before the end it means that the caller has left."""
        self._handover.release()
        self._raw.close()

    def _in_time(self, read: Callable[..., Any], *args: Any, **options: Any) -> Any:
        try:
            with Deadline(self._left(), name="body", clock=self._clock).scope():
                part = read(*args, **options)
        except Exception as error:
            self._handover.failure(error)
            raise
        self._handover.progress()
        return part

    def _left(self) -> float:
        left = self._until - self._clock.now()
        if left <= 0:
            why = "the deadline passed before the body ended"
            raise urllib3.exceptions.ReadTimeoutError(None, None, why)  # type: ignore[arg-type]
        return left


def _give_back_dropped() -> None:
    while _dropped:
        try:
            handover = _dropped.popleft()
        except IndexError:  # another thread was quicker
            return
        handover.release()


def _read(response: Response) -> None:
    try:
        _ = response.content
    except BaseException:
        response.close()
        raise


@contextmanager
def _told_apart(request: PreparedRequest) -> Iterator[None]:
    """What comes too late, and whom TLS does not trust, by the errors that `requests` has for it:
    by itself, it calls a late body a connection error."""
    try:
        yield
    except (requests.Timeout, requests.exceptions.SSLError):
        raise
    except requests.ConnectionError as error:
        chain = list(causes(error))
        if any(map(is_timeout, chain)):
            raise requests.ReadTimeout(error, request=request) from error
        if any(isinstance(cause, ssl.SSLError) for cause in chain):
            raise requests.exceptions.SSLError(error, request=request) from error
        raise


def _made_once(strategy: Strategy, name: str) -> Strategy:
    """The same without what could make a call twice."""
    if isinstance(strategy, Retry | Recovery):
        return Pipeline(name, [])
    if isinstance(strategy, Pipeline):
        return Pipeline(strategy.name, [_made_once(part, name) for part in strategy.strategies])
    return strategy


def _seconds(timeout: Any, default: float) -> float:
    """What `requests` takes for a timeout, in all."""
    if isinstance(timeout, urllib3.Timeout):
        timeout = timeout.total if is_number(timeout.total) else None
    parts = timeout if isinstance(timeout, tuple) else (timeout,)
    seconds = [default if part is None else part for part in parts]
    if not all(map(is_number, seconds)):
        raise ConfigurationError(
            f"timeout must be seconds, a pair of seconds or None, not {timeout!r:.200}"
        )
    return sum(seconds)
