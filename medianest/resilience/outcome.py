"""Success, failure, ignored or unexpected: what a finished call says about its dependency."""

from __future__ import annotations

import errno
import logging
import re
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from types import FrameType
from typing import Any, NoReturn, TypeAlias

from medianest.resilience.errors import (
    CallRefusedError,
    ConfigurationError,
    FailedResultError,
    PortableError,
)
from medianest.resilience.signs import is_timeout, read, says

__all__ = [
    "Classifier",
    "ErrorMatcher",
    "Expected",
    "Outcome",
    "Walk",
    "causes",
    "causes_within_call",
    "example_of",
    "holds",
    "is_timeout",
    "matcher",
    "read",
    "reraise",
    "set_note",
    "status_of",
]

logger = logging.getLogger(__name__)

Expected: TypeAlias = "type[BaseException] | str | Callable[[BaseException], bool]"
Walk: TypeAlias = Callable[[BaseException], Iterator[BaseException]]
ErrorMatcher: TypeAlias = Callable[[BaseException, Walk], bool]

_MAX_CAUSES = 20
_STATUS_TOKEN = re.compile(r"([1-5])(xx|\d\d)", re.IGNORECASE)


class Outcome(IntEnum):
    """How a finished call is counted. The numbers are places in the window's counts."""

    SUCCESS = 0
    FAILURE = 1  # the dependency's failure: trips the breaker
    IGNORED = 2  # says nothing about the dependency: refusals, `ignored_errors`
    UNEXPECTED = 3  # our bug or the caller's (a 404): neither trips nor closes


class Classifier:
    """Decides what an error says about a dependency, from `expected_errors` and `ignored_errors`.

    Both take one or many of: exception types, predicates `(error) -> bool`, and tokens:
    `"timeout"`, `"ENOTFOUND"`, errno names (`"ECONNREFUSED"`), statuses (`"5xx"`, `"429"`).
    Raises ConfigurationError for anything else.
    """

    def __init__(
        self,
        expected_errors: Expected | Iterable[Expected] | None = None,
        ignored_errors: Expected | Iterable[Expected] | None = None,
    ) -> None:
        self._is_expected = matcher(expected_errors, "expected_errors")
        self._is_ignored = matcher(ignored_errors, "ignored_errors")

    def __call__(self, error: BaseException, walk: Walk | None = None) -> Outcome:
        """What the error says; `walk` yields its causes, those within the call by default."""
        walk = walk or causes_within_call
        if not isinstance(error, Exception) or isinstance(error, CallRefusedError):
            return Outcome.IGNORED
        if isinstance(error, FailedResultError):
            return Outcome.FAILURE
        if self._is_ignored is not None and self._is_ignored(error, walk):
            return Outcome.IGNORED
        if self._is_expected is None or self._is_expected(error, walk):
            return Outcome.FAILURE
        return Outcome.UNEXPECTED


def matcher(expected: Expected | Iterable[Expected] | None, option: str) -> ErrorMatcher | None:
    """Compile a list of expectations to one predicate; None stays None."""
    if expected is None:
        return None
    if isinstance(expected, str) or callable(expected):
        expected = (expected,)
    try:
        tests = [_single(item, option) for item in expected]
    except TypeError:
        raise _unknown(expected, option) from None
    return lambda error, walk: any(test(error, walk) for test in tests)


class RehearsedError(PortableError):
    """A failure that did not happen, with the status of one that could."""

    def __init__(self, token: str, status: int) -> None:
        super().__init__(f"a rehearsal of {token}")
        self.status = status


def example_of(token: str) -> Exception:
    """An error that a token of `expected_errors` matches. Raises ConfigurationError for what is
    no token."""
    matcher(token, "error")
    name = token.strip().upper()
    if name == "TIMEOUT":
        return TimeoutError("a rehearsal of a timeout")
    if name == "ENOTFOUND":
        return socket.gaierror(socket.EAI_NONAME, "a rehearsal of an unknown name")
    if isinstance(number := getattr(errno, name, None), int):
        return OSError(number, f"a rehearsal of {name}")
    status = _STATUS_TOKEN.fullmatch(name)
    assert status is not None
    return RehearsedError(token, _status_range(status)[0])


def holds(test: ErrorMatcher, error: BaseException, option: str) -> bool:
    """Whether an error is matched; a predicate that raises is logged and matches nothing, so that
    it never takes the place of the call's own error."""
    try:
        return test(error, causes_within_call)
    except Exception:
        logger.exception("%s failed", option)
        return False


def set_note(error: BaseException, title: str, text: str) -> None:
    """Add a note to an error; one with the same title, from an earlier raising, goes."""
    notes = read(error, "__notes__")
    try:
        kept = [n for n in notes if not str(n).startswith(title)] if isinstance(notes, list) else []
        error.__notes__ = [*kept, f"{title} {text}"]
    except Exception:  # some errors are frozen
        pass


def reraise(error: BaseException) -> NoReturn:
    """Raise an error that was put aside, with the context that it had: Python would replace it
    by whatever the caller is handling."""
    context = error.__context__
    try:
        raise error
    finally:
        # By the slot itself: some errors are frozen.
        vars(BaseException)["__context__"].__set__(error, context)
        del error, context  # or the traceback, which knows this frame, would keep the error


def _single(item: Any, option: str) -> ErrorMatcher:
    if isinstance(item, type):
        if not issubclass(item, BaseException):
            raise _unknown(item, option)
        return lambda error, walk: isinstance(error, item)
    if isinstance(item, str):
        return _token(item, option)
    if callable(item):
        return lambda error, walk: bool(item(error))
    raise _unknown(item, option)


def _token(token: str, option: str) -> ErrorMatcher:
    name = token.strip().upper()
    if name == "TIMEOUT":
        return lambda error, walk: (
            any(map(is_timeout, walk(error))) or says(name, None, walk(error))
        )
    if name == "ENOTFOUND":
        return lambda error, walk: says(name, None, walk(error))
    if isinstance(number := getattr(errno, name, None), int):
        return lambda error, walk: says(name, number, walk(error))
    if status := _STATUS_TOKEN.fullmatch(name):
        low, high = _status_range(status)
        return lambda error, walk: any(low <= (status_of(c) or 0) <= high for c in walk(error))
    raise _unknown(token, option)


def _unknown(item: object, option: str) -> ConfigurationError:
    return ConfigurationError(
        f"{option}: {item!r} is not an exception type, a function, or one of the tokens "
        f'"timeout", "ENOTFOUND", an errno name such as "ECONNREFUSED", '
        f'or a status such as "5xx" or "429"'
    )


def _status_range(status: re.Match[str]) -> tuple[int, int]:
    hundred = int(status[1]) * 100
    if status[2].upper() == "XX":
        return hundred, hundred + 99
    return hundred + int(status[2]), hundred + int(status[2])


def causes(
    error: BaseException,
    context_of: Callable[[BaseException], BaseException | None] = lambda error: error.__context__,
    *,
    through_suppressed: bool = False,
) -> Iterator[BaseException]:
    """The error and what lies under it.

    Follows `__cause__`, `__context__` and exceptions carried as arguments (requests and urllib3
    keep the socket's error there), each once, up to a bound.
    """
    seen: set[int] = set()
    waiting = [error]
    while waiting and len(seen) < _MAX_CAUSES:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        beneath = current.__cause__
        if beneath is None and (through_suppressed or not current.__suppress_context__):
            beneath = context_of(current)
        waiting += [
            found
            for found in (*_carried(current), read(current, "reason"), beneath)
            if isinstance(found, BaseException)
        ]


def _carried(error: BaseException) -> tuple[Any, ...]:
    args = read(error, "args")
    grouped = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return (*args, *grouped) if isinstance(args, tuple) else grouped


def causes_within_call(error: BaseException) -> Iterator[BaseException]:
    """The same for an error that a call let through, without what was there before the call."""
    return causes(error, _context_within_call)


def _context_within_call(error: BaseException) -> BaseException | None:
    """What was being handled when the error was raised, if that was part of the same call.

    An error that the caller was handling when it began this call is no cause of what happens in
    it. It is known by the frame that caught it: that frame is still running, below us.
    """
    context = error.__context__
    if context is None or context.__traceback__ is None:
        return context
    caught_in = context.__traceback__.tb_frame
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame is caught_in:
            return None
        frame = frame.f_back
    return context


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error carries, by any of the names that libraries give it."""
    for holder in (read(error, "response"), error):
        for name in ("status_code", "status", "code"):
            status = read(holder, name)
            if isinstance(status, int) and not isinstance(status, bool):
                return status
    return None
