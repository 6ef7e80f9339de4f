"""The end of a response body: when it is read to its end, when the server closes it, or when
nobody has it any more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from flask import Response
from werkzeug.wsgi import ClosingIterator

__all__ = ["AT_THE_END", "STREAMED", "Ending", "Lost", "end", "is_stream", "until_the_end"]

AT_THE_END = "medianest.at-the-end"
"""In the WSGI environ: what to call when the server has done with the response, whatever became
of it: hooks may replace it or raise, and Werkzeug never closes one that passes a file through."""

STREAMED = "medianest.streamed"
"""In the WSGI environ: whether what is sent is a stream, which ends later."""

Lost = deque[Callable[[], None]]


class Ending:
    """A body with something to do at its end. Werkzeug's ClosingIterator leaves the rest undone
    when one of several raises; here `at_end` runs even when the body's own `close` does.

    Servers close what they have sent; a test client that looks at the status alone drops it. What
    there was to do then goes into `lost`, for others to do: a destructor may run anywhere, even
    where the lock is held that it needs.
    """

    def __init__(self, body: Iterable[bytes], at_end: Callable[[], None], lost: Lost) -> None:
        self._at_end: Callable[[], None] | None = at_end
        self._lost = lost
        self._body = body
        self._iterator = iter(body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._iterator)
        except BaseException:
            self._finish()
            raise

    def close(self) -> None:
        """Close the body, then do what is left to do."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._finish()

    def _finish(self) -> None:
        at_end, self._at_end = self._at_end, None
        if at_end is not None:
            at_end()

    def __del__(self) -> None:
        if self._at_end is not None:
            self._lost.append(self._at_end)


def is_stream(response: Response) -> bool:
    """Whether a response ends later than now.

    What `abort` raises, and a 404 of Flask's own, only looks so: Werkzeug runs an exception as an
    app, and takes its body as it comes.
    """
    if not response.is_streamed:
        return False
    if response.status_code >= 300 and isinstance(response.response, ClosingIterator):
        response.make_sequence()
        return False
    return True


def until_the_end(body: Any, environ: dict[str, Any], lost: Lost) -> Any:
    """The body of a response, at whose end that is done which the environ has for it; at once
    where no stream is sent: a hook has put another answer in its place."""
    if environ.get(STREAMED):
        return Ending(body, partial(end, environ), lost)
    end(environ)
    return body


def end(environ: dict[str, Any]) -> None:
    """Do what is to be done when the response is over."""
    with ExitStack() as stack:  # each of them, whatever another raises
        for settle in environ.pop(AT_THE_END, ()):
            stack.callback(settle)
