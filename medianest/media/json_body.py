"""JSON of a stranger: bounded in what it becomes, decoded piece by piece, with whole characters.

A short text can stand for far more than itself: `{}` becomes 30 times its size. And whoever
decodes 32 MiB in one go holds all other threads of the process for a second.
"""

from __future__ import annotations

import json
import math
import re
from codecs import BOM_UTF8, utf_8_decode
from contextlib import nullcontext
from typing import Any, Final, NoReturn

from medianest.media.errors import InvalidAnswerError, UnusableAnswerError
from medianest.media.uncollected import uncollected

__all__ = ["read_json"]

_PIECE: Final = 256 * 1024
"""Bytes that are decoded in one go; that takes some 20 ms at most."""

_SPARSE: Final = 12
_FEW: Final = 250_000
"""Genuine answers have a comma or an opening bracket for each 17 bytes or more. One that is
denser than one for each `_SPARSE` is no answer to us, unless there are no more than `_FEW`."""

_ROOMY: Final = 30
_FEW_CONTAINERS: Final = 100_000
"""The same for lists and objects, of which genuine answers have one for each 41 bytes or more.
They are what Python's garbage collector looks through, all at once."""

_LEVELS: Final = 6
"""So many containers that are larger than a piece may stand in each other: an answer, its
container, its hubs, one of them, and its items are five."""

_MEMBERS: Final = 100_000
"""So many members may those containers have in all; each is decoded by itself."""

_LONGEST: Final = 4 * 1024 * 1024
"""Bytes of one text."""

_END: Final = 4
"""A number that ends so near to the end of a piece may go on in the next: 1, 1. and 1e+."""

_SPACE: Final = re.compile(r"[ \t\r\n]+")
_LONE: Final = re.compile("[\ud800-\udfff]")


def read_json(service: str, body: bytes) -> Any:
    """What a body says. What no JSON can pass on (NaN, 1e999, a number of 5,000 digits) is None;
    half a character, and bytes that are none, are U+FFFD.

    Raises InvalidAnswerError for what is not JSON, and UnusableAnswerError for what becomes too
    much or too deep.
    """
    containers = body.count(b"[") + body.count(b"{")
    marks = containers + body.count(b",")
    most = max(_FEW_CONTAINERS, len(body) // _ROOMY)
    if marks > max(_FEW, len(body) // _SPARSE) or containers > most:
        raise UnusableAnswerError(service, f"its answer has too many values for its size: {marks}")
    try:
        with uncollected() if len(body) > _PIECE else nullcontext():
            return _read(body.removeprefix(BOM_UTF8))
    except RecursionError as error:
        raise UnusableAnswerError(service, "its answer is nested too deeply") from error
    except _TooMuchError as error:
        raise UnusableAnswerError(service, f"its answer has {error}") from error
    except ValueError as error:
        raise InvalidAnswerError(service, "its answer is not JSON") from error


class _TooMuchError(Exception):
    """Says of what."""


def _read(body: bytes) -> Any:
    try:
        return _Reader(body).document()
    except UnicodeDecodeError:
        return _Reader(body.decode("utf-8", "replace").encode()).document()


def _number(text: str) -> float | None:
    """1e999 is JSON, but what Python makes of it could not be passed on as JSON."""
    value = float(text)
    return value if math.isfinite(value) else None


def _whole_number(text: str) -> int | None:
    """Python refuses those of more than 4,300 digits, as they take long."""
    try:
        return int(text)
    except ValueError:
        return None


def _nothing(name: str) -> None:
    """NaN and Infinity."""


_QUICK: Final = json.JSONDecoder(parse_float=_number, parse_constant=_nothing, strict=False)
_CAREFUL: Final = json.JSONDecoder(
    parse_float=_number, parse_constant=_nothing, parse_int=_whole_number, strict=False
)


class _Reader:
    """Reads one document. Keeps a piece of its text; values that are larger are taken apart."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._loaded = 0
        """Bytes of the body that are in the piece, or were in those before it."""
        self._text, self._at = "", 0
        self._levels = self._members = 0
        self._scan = _QUICK.raw_decode

    def document(self) -> Any:
        """All of it. Raises ValueError and RecursionError."""
        value = self._value()
        if self._next():
            self._fail()
        return value

    def _value(self) -> Any:
        first = self._next()
        if not first:
            self._fail()
        value, end = self._scanned()
        if end is None and self._at:  # it may be only the end of the piece
            self._load(_PIECE)
            value, end = self._scanned()
        if end is not None:
            start, self._at = self._at, end
            return self._mended(value, start)
        if first in "{[":
            return self._apart(first)
        return self._long()

    def _scanned(self) -> tuple[Any, int | None]:
        """The value that begins here and its end; None where the piece does not hold it."""
        try:
            value, end = self._scan(self._text, self._at)
        except json.JSONDecodeError:
            if self._is_last:
                raise ValueError from None
            return None, None
        except ValueError:  # too many digits
            self._scan = _CAREFUL.raw_decode
            return self._scanned()
        may_go_on = not self._is_last and end > len(self._text) - _END
        return (None, None) if may_go_on else (value, end)

    def _mended(self, value: Any, start: int) -> Any:
        """The value without half characters; only an escape can stand for one."""
        for escape in ("\\ud", "\\uD"):
            if self._text.find(escape, start, self._at) >= 0:
                return _mended(value)
        return value

    def _apart(self, first: str) -> Any:
        self._levels += 1
        if self._levels > _LEVELS:
            raise RecursionError
        self._at += 1
        value = self._object() if first == "{" else self._array()
        self._levels -= 1
        return value

    def _array(self) -> list[Any]:
        found: list[Any] = []
        if self._next() == "]":
            self._at += 1
            return found
        while True:
            found.append(self._member())
            if self._behind(",", "]"):
                return found

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._next() == "}":
            self._at += 1
            return found
        while True:
            if self._next() != '"':
                self._fail()
            name = self._value()
            self._behind(":", ":")
            found[name] = self._member()
            if self._behind(",", "}"):
                return found

    def _member(self) -> Any:
        self._members += 1
        if self._members > _MEMBERS:
            raise _TooMuchError(f"more than {_MEMBERS} elements")
        return self._value()

    def _long(self) -> Any:
        """A text or a number that is larger than a piece."""
        size = _PIECE
        while size < _LONGEST:
            size *= 2
            self._load(size)
            value, end = self._scanned()
            if end is not None:
                start, self._at = self._at, end
                return self._mended(value, start)
        raise _TooMuchError(f"a text of more than {_LONGEST} bytes")

    def _behind(self, more: str, last: str) -> bool:
        """Whether the next character ends this container, and not only this member."""
        mark = self._next()
        if not mark or mark not in (more, last):
            self._fail()
        self._at += 1
        return mark == last

    def _next(self) -> str:
        """The next character that is no space, without taking it; "" at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text) or self._is_last:
                return self._text[self._at : self._at + 1]
            self._load(_PIECE)

    @property
    def _is_last(self) -> bool:
        return self._loaded == len(self._body)

    def _load(self, size: int) -> None:
        """Let the piece begin here and be of so many bytes."""
        start = self._loaded - len(self._text[self._at :].encode())
        end = min(start + size, len(self._body))
        self._text, read = utf_8_decode(self._body[start:end], "strict", end == len(self._body))
        self._loaded, self._at = start + read, 0

    def _fail(self) -> NoReturn:
        raise ValueError


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_mended(each) for each in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(each) for name, each in value.items()}
    return value
