"""The end of a response body, which comes when the server closes it, however it went."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

__all__ = ["Ending"]


class Ending:
    """A body with something to do at its end. Werkzeug's ClosingIterator leaves the rest undone
    when one of several raises; here `at_end` runs even when the body's own `close` does."""

    def __init__(self, body: Iterable[bytes], at_end: Callable[[], None]) -> None:
        self._body = body
        self._iterator = iter(body)
        self._at_end = at_end

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._iterator)

    def close(self) -> None:
        """Close the body, then do what is left to do."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._at_end()
