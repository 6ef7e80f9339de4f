"""What can go wrong with an upstream, for callers that need to know what to do about it.

MediaError                  carries `service`
├── NotConfiguredError      no address is set; carries `variable`
├── NotFoundError           the upstream does not have what was asked for
├── RejectedError           it refused our credentials (401, 403); carries `status`
├── RefusedError            it refused what was asked (another 4xx); carries `status`
├── ForbiddenError          the user may not do this; carries `status`
├── QuotaError              the user has used up what is allowed; that frees itself
├── UnusableAnswerError     it is well, and we can do nothing with what it says; carries `rest`
└── UpstreamError           it failed; carries `retry_after`
    ├── SourceError             it is well, but cannot reach its own source
    ├── ForeignAnswerError      something else answers at its address; carries `status`
    ├── UnreachableError        no connection: refused, reset, unknown name
    │   └── UnresolvableError       the name does not resolve
    ├── SlowError               no complete response in time; also a TimeoutError
    ├── UnavailableError        it said so itself (5xx, 429); carries `status`
    └── InvalidAnswerError      an answer that makes no sense: garbage, cut off, too large
"""

from __future__ import annotations

from typing import Any, Self

from medianest.resilience.errors import PortableError

__all__ = [
    "ForbiddenError",
    "ForeignAnswerError",
    "InvalidAnswerError",
    "MediaError",
    "NotConfiguredError",
    "NotFoundError",
    "QuotaError",
    "RefusedError",
    "RejectedError",
    "SlowError",
    "SourceError",
    "UnavailableError",
    "UnreachableError",
    "UnresolvableError",
    "UnusableAnswerError",
    "UpstreamError",
]


class MediaError(PortableError):
    """The root of the errors of media servers."""

    status: int | None = None
    uncertain = False
    """Whether it may have done what it was asked all the same, or be at it still."""

    def __init__(self, service: str, message: str) -> None:
        super().__init__(f"{service}: {message}")
        self.service = service


class NotConfiguredError(MediaError):
    """The server's address is not set."""

    def __init__(self, service: str, variable: str) -> None:
        super().__init__(service, f"set {variable}")
        self.variable = variable


class NotFoundError(MediaError):
    """The server does not have it."""

    status = 404


class RejectedError(MediaError):
    """The server refused our credentials: waiting is no help, a setting is wrong."""

    def __init__(self, service: str, message: str, status: int) -> None:
        super().__init__(service, message)
        self.status = status


class RefusedError(MediaError):
    """The server is well and will not do what it was asked: asking again is no help."""

    def __init__(self, service: str, message: str, status: int) -> None:
        super().__init__(service, message)
        self.status = status


class UnusableAnswerError(MediaError):
    """The server is well and answered in time, in its own way, but nothing can be made of it:
    asking again is no help, and no reason not to ask for something else.

    `rest`: what is left of the answer for a caller who has nothing better; None when there is
    nothing to pass on.
    """

    uncertain = True

    def __init__(self, service: str, message: str, *, rest: Any = None) -> None:
        super().__init__(service, message)
        self.rest = rest


class ForbiddenError(MediaError):
    """The user on whose behalf it was asked may not do this; somebody can allow it."""

    status = 403


class QuotaError(MediaError):
    """The user on whose behalf it was asked has used up what is allowed for a time."""

    status = 403


class UpstreamError(MediaError):
    """The server failed; it may be well again after `retry_after` seconds, when it says so."""

    uncertain = True

    def __init__(self, service: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(service, message)
        self.retry_after = retry_after

    def surely(self) -> Self:
        """The same for a server that has surely not done what it was asked."""
        self.uncertain = False
        return self


class SourceError(UpstreamError):
    """The server is well, but cannot reach the source of what it knows: nothing was done."""

    uncertain = False

    def __init__(self, service: str, source: str, why: str) -> None:
        super().__init__(service, why)
        self.args = (f"{service} cannot reach its source ({source}): {why}",)


class ForeignAnswerError(UpstreamError):
    """An answer that is not the server's own: a proxy in front of it, or another server."""

    def __init__(self, service: str, message: str, status: int) -> None:
        super().__init__(service, message)
        self.status = status
        # What refuses a request in its place has not passed it on; of a timeout nobody knows.
        self.uncertain = status >= 500 or status == 408


class UnreachableError(UpstreamError):
    """No connection."""


class UnresolvableError(UnreachableError):
    """The name has no address."""


class SlowError(UpstreamError, TimeoutError):
    """No whole answer within the time."""


class UnavailableError(UpstreamError):
    """The server answered that it cannot answer."""

    def __init__(
        self, service: str, message: str, status: int, *, retry_after: float | None = None
    ) -> None:
        super().__init__(service, message, retry_after=retry_after)
        self.status = status


class InvalidAnswerError(UpstreamError):
    """The answer is not what this server answers when it is well."""
