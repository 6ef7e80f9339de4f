"""Which exceptions are failures: `expected_exception` in its forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

__all__ = ["STRING_TYPES", "Expected", "Predicate", "build_failure_predicate", "in_exception_list"]

Predicate: TypeAlias = Callable[[type[BaseException], BaseException], Any]
Expected: TypeAlias = type[BaseException] | Iterable[type[BaseException]] | Predicate

STRING_TYPES: Final = (bytes, str)


def in_exception_list(*exc_types: type[BaseException]) -> Predicate:
    """A predicate that holds for these types and their subtypes."""
    return lambda thrown_type, thrown_value: issubclass(thrown_type, exc_types)


def build_failure_predicate(expected_exception: Any) -> Predicate:
    """The predicate `(type, exception) -> bool` for a type, several types, or a predicate.

    Raises ValueError for anything else.
    """
    if isinstance(expected_exception, STRING_TYPES):
        raise ValueError("expected_exception cannot be a string. Did you mean name?")
    if isinstance(expected_exception, type):
        if issubclass(expected_exception, Exception):
            return in_exception_list(expected_exception)
    elif isinstance(expected_exception, Iterable):
        return in_exception_list(*expected_exception)
    elif callable(expected_exception):
        predicate: Predicate = expected_exception
        return predicate
    raise ValueError("expected_exception does not look like a predicate")
