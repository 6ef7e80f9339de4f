"""From what a server sent to our models: what cannot be understood is left out, the rest is read.

Elements are read one by one, as a model of all of them would collect a fault for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from medianest.media.errors import InvalidAnswerError, UnusableAnswerError
from medianest.media.left_out import LEFT_OUT, LeftOut, Oddity

__all__ = ["MOST_ELEMENTS", "listed", "parsed", "parsed_all", "understood"]

MOST_ELEMENTS: Final = 100_000
"""In one list. So many genuine ones would be larger than the largest answer that is read."""

M = TypeVar("M", bound=BaseModel)


def parsed(service: str, model: type[M], value: Any) -> M:
    """One value that must be what it should be. Raises InvalidAnswerError, which names the first
    fault."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidAnswerError(service, _senseless(error, model)) from error


def understood(service: str, model: type[M], value: Any) -> M:
    """The same for an answer that is one element: UnusableAnswerError where it has a part of what
    the element must have, as then the server itself has answered; else InvalidAnswerError."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fields = model.model_fields.items()
        needed = {field.alias or name for name, field in fields if field.is_required()}
        is_its_own = isinstance(value, dict) and bool(needed & value.keys())
        kind = UnusableAnswerError if is_its_own else InvalidAnswerError
        raise kind(service, _senseless(error, model)) from error


def listed(value: Any) -> Sequence[Any]:
    """The elements of what should be a list: none where it is absent, one where it is no list."""
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def parsed_all(
    service: str,
    model: type[M],
    values: Any,
    *,
    endpoint: str = "",
    enough: int | None = None,
    left_out: LeftOut = LEFT_OUT,
) -> tuple[M, ...]:
    """Those elements of a list that can be understood, the first `enough` of them; the others are
    counted. `endpoint` names the question in the log: not the answer of each page of it.

    Raises UnusableAnswerError for more than MOST_ELEMENTS.
    """
    elements = listed(values)
    if len(elements) > MOST_ELEMENTS:
        raise UnusableAnswerError(service, f"its answer lists more than {MOST_ELEMENTS} elements")
    found, faults = _sorted_out(model, elements, len(elements) if enough is None else enough)
    for what, number in faults.items():
        left_out.note(Oddity(service, endpoint or model.__name__, what), number)
    return tuple(found)


def _sorted_out(
    model: type[M], elements: Iterable[Any], enough: int
) -> tuple[list[M], Counter[str]]:
    found: list[M] = []
    faults: Counter[str] = Counter()
    for element in elements:
        if len(found) >= enough:
            break
        try:
            found.append(model.model_validate(element))
        except ValidationError as error:
            faults[_what(error, model)] += 1
    return found, faults


def _senseless(error: ValidationError, model: type[BaseModel]) -> str:
    return f"its answer is not valid: {_what(error, model)}"


def _what(error: ValidationError, model: type[BaseModel]) -> str:
    """The first fault. It names no value, so that there are few kinds."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = str(first["loc"][0]) if first["loc"] else model.__name__
    return f"{where}: {first['msg'].lower()}"
