"""From what a server sent to our models, with one error for all that makes no sense."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from medianest.media.errors import InvalidAnswerError

__all__ = ["parsed", "parsed_all"]

M = TypeVar("M")


def parsed(service: str, model: type[M], value: Any) -> M:
    """One value. Raises InvalidAnswerError, which names the first fault."""
    try:
        return TypeAdapter(model).validate_python(value)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or model.__name__
        raise InvalidAnswerError(
            service, f"its answer makes no sense: {where}: {fault['msg'].lower()}"
        ) from error


def parsed_all(service: str, model: type[M], values: Any) -> tuple[M, ...]:
    """A list of values."""
    return tuple(parsed(service, tuple[model, ...], tuple(values)))  # type: ignore[valid-type]
