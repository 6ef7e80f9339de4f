"""What Overseerr's API description demands of queries and bodies, in the words of its validator."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from medianest.sandbox.messages import Request
from medianest.sandbox.overseerr.answers import AnswerError, Problem

__all__ = ["Parameter", "check_number", "check_query", "check_wish", "parsed_body"]

RESERVED: Final = re.compile(r"[:/?#\[\]@!$&'()*+,;=]")
NUMBER: Final = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)
KINDS: Final = ("movie", "tv")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a query."""

    number: bool = False
    values: Sequence[str] = ()
    required: bool = False


def parsed_body(request: Request) -> Any:
    """The body's JSON; an empty object when there is no body or it is not said to be JSON."""
    is_json = request.headers.get("content-type", "").lower().startswith("application/json")
    if not request.body or not is_json:
        return {}
    try:
        body = json.loads(request.body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict | list):  # the framework's parser is strict
        raise AnswerError(400, "Unexpected token in JSON")
    return body


def check_query(request: Request, known: Mapping[str, Parameter]) -> dict[str, Any]:
    """The query's values by name, numbers as numbers; the first mistake in it is refused."""
    _check_reserved(request.target.partition("?")[2], known)
    for name, text in request.query.items():
        if name not in known:
            _refuse_parameter(name, f"Unknown query parameter '{name}'")
        if not text:
            _refuse_parameter(name, f"Empty value found for query parameter '{name}'")
    found: dict[str, Any] = {}
    problems: list[tuple[str, Problem]] = []
    for name, parameter in known.items():
        if name in request.query:
            found[name], wrong = _value(request.query[name], parameter)
            problems += [(f".query.{name}", _problem(f".query.{name}", *each)) for each in wrong]
        elif parameter.required:
            problems.append((".query", _missing(".query", name)))
    _refuse_if(problems)
    return found


def check_number(name: str, text: str) -> float:
    """A number in a path."""
    if not NUMBER.fullmatch(text):
        where = f".params.{name}"
        _refuse_if([(where, _problem(where, "should be number", "type"))])
    return float(text)


def check_wish(body: Any) -> Mapping[str, Any]:
    """The body of a new request, which has what it must have, of the right types."""
    if not isinstance(body, dict):
        _refuse_if([(".body", _problem(".body", "should be object", "type"))])
    problems = [
        (".body", _missing(".body", name)) for name in ("mediaType", "mediaId") if name not in body
    ]
    for name, says, code in _violations(body):
        problems.append((f".body.{name}", _problem(f".body.{name}", says, code)))
    _refuse_if(problems)
    wish: Mapping[str, Any] = body
    return wish


def _violations(body: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    kind = body.get("mediaType", KINDS[0])
    if not isinstance(kind, str):
        yield "mediaType", "should be string", "type"
    if kind not in KINDS:
        yield "mediaType", _one_of(KINDS), "enum"
    if not _is_number(body.get("mediaId", 1)):
        yield "mediaId", "should be number", "type"
    if not isinstance(body.get("is4k", False), bool):
        yield "is4k", "should be boolean", "type"
    if body.get("userId") is not None and not _is_number(body["userId"]):
        yield "userId", "should be number", "type"
    seasons = body.get("seasons", "all")
    if isinstance(seasons, list):
        for place, season in enumerate(seasons):
            if not _is_number(season):
                yield f"seasons[{place}]", "should be number", "type"
    elif seasons != "all":
        yield "seasons", "should be array", "type"
        yield "seasons", "should match exactly one schema in oneOf", "oneOf"


def _value(text: str, parameter: Parameter) -> tuple[Any, list[tuple[str, str]]]:
    if parameter.number:
        if not NUMBER.fullmatch(text):
            return None, [("should be number", "type")]
        return int(float(text)), []
    if parameter.values and text not in parameter.values:
        return None, [(_one_of(parameter.values), "enum")]
    return text, []


def _check_reserved(raw: str, known: Mapping[str, Parameter]) -> None:
    for pair in raw.split("&"):
        name, _, value = pair.partition("=")
        if name in known and RESERVED.search(value):
            _refuse_parameter(
                name,
                f"Parameter '{name}' must be url encoded. "
                "Its value may not contain reserved characters.",
            )


def _refuse_parameter(name: str, message: str) -> None:
    raise AnswerError(400, message, [{"path": f".query.{name}", "message": message}])


def _refuse_if(problems: Sequence[tuple[str, Problem]]) -> None:
    """Refuse because of all of them, each with where the message says that it is."""
    if problems:
        message = ", ".join(f"request{where} {problem['message']}" for where, problem in problems)
        raise AnswerError(400, message, [problem for _, problem in problems])


def _problem(path: str, message: str, code: str) -> Problem:
    return {"path": path, "message": message, "errorCode": f"{code}.openapi.validation"}


def _missing(where: str, name: str) -> Problem:
    return _problem(f"{where}.{name}", f"should have required property '{name}'", "required")


def _one_of(values: Sequence[str]) -> str:
    return f"should be equal to one of the allowed values: {', '.join(values)}"


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)  # 1e999 is infinite
    return isinstance(value, int) and not isinstance(value, bool)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
