"""Which kinds of fault every server has, and what their options allow.

COMMON and KINDS are the whole truth about that; some servers have kinds of their own beside these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "COMMON",
    "CONTROL",
    "KINDS",
    "MAX_HOLD",
    "SECONDS",
    "Kinds",
    "Option",
    "is_control",
    "is_whole",
    "one_of",
]

CONTROL: Final = "/sandbox"
MAX_HOLD: Final = 3600.0
"""No request is held longer than this, whatever the fault says."""


@dataclass(frozen=True)
class Option:
    """One option of a fault: a check, the same in words, and the value when it is not given."""

    allows: Callable[[Any], bool]
    words: str
    default: Any = None
    required: bool = False


Kinds = Mapping[str, Mapping[str, Option]]
"""The options of each kind of fault, beside those that all have."""


def _is_number(value: Any) -> bool:
    # Compared and not converted: JSON may hold NaN, and whole numbers that no float can.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_header_text(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and value != ""


def one_of(values: Sequence[Any], default: Any = None, *, required: bool = False) -> Option:
    """An option that takes one of these values."""
    words = ", ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in values)
    return Option(
        lambda value: any(type(value) is type(each) and value == each for each in values),
        f"one of {words}",
        default,
        required,
    )


def is_control(path: str) -> bool:
    """Whether a path belongs to the sandbox itself and not to the server that it plays."""
    return path == CONTROL or path.startswith(f"{CONTROL}/")


SECONDS: Final = Option(
    lambda value: _is_number(value) and 0 <= value <= MAX_HOLD,
    f"a number of seconds from 0 to {MAX_HOLD:g}",
    required=True,
)

COMMON: Final[Mapping[str, Option]] = {
    "path": Option(
        lambda value: isinstance(value, str) and value[:1] == "/" and not is_control(value),
        'the beginning of a path, such as "/library", outside /sandbox',
        default="/",
    ),
    "for_seconds": Option(
        lambda value: _is_number(value) and value > 0, "a number of seconds above 0"
    ),
    "share": Option(
        lambda value: _is_number(value) and 0 < value <= 1, "a number above 0, at most 1", 1.0
    ),
    "times": Option(lambda value: is_whole(value) and value >= 1, "a whole number of at least 1"),
}

KINDS: Final[Kinds] = {
    "status": {
        "status": Option(
            lambda value: is_whole(value) and 200 <= value <= 599,
            "a whole number from 200 to 599",
            required=True,
        ),
        "retry_after": Option(
            lambda value: (_is_number(value) and value >= 0) or _is_header_text(value),
            "a number of seconds of at least 0, or an HTTP date",
        ),
        "body": Option(lambda value: isinstance(value, str), "a string"),
    },
    "latency": {"seconds": SECONDS},
    "hang": {},
    "reset": {},
    "lose": {},
    "truncate": {},
    "drip": {
        "interval": Option(
            lambda value: _is_number(value) and 0 < value <= MAX_HOLD,
            f"a number of seconds above 0, at most {MAX_HOLD:g}",
            default=0.1,
        ),
        "where": one_of(("body", "headers"), "body"),
    },
    "garbage": {},
    "unauthorized": {},
    "maintenance": {},
    "proxy": {"status": one_of((400, 403, 404, 500, 502, 503, 504), required=True)},
    "empty": {},
}
