"""The answers of an operation in the OpenAPI document: its models, and every problem that it can
answer with."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypeAlias

from pydantic import BaseModel

from medianest.web.endpoint import Endpoint
from medianest.web.parameters import NoParameters
from medianest.web.problem_details import Problem
from medianest.web.problem_kinds import KINDS
from medianest.web.refresh import Anything

__all__ = ["described_answers"]

Json: TypeAlias = dict[str, Any]
References: TypeAlias = dict[type[BaseModel], Json]

_SECONDS: Json = {"type": "integer", "minimum": 0}

_HEADERS: dict[str, Json] = {
    "Age": {
        "description": "Of a degraded answer: its age in whole seconds.",
        "schema": _SECONDS,
    },
    "ETag": {
        "description": "Of what was told; for If-None-Match.",
        "schema": {"type": "string", "pattern": '^W/"[0-9a-f]{32}"$'},
    },
    "Location": {
        "description": "The path where it is found.",
        "schema": {"type": "string", "minLength": 1},
    },
    "Retry-After": {
        "description": "Whole seconds after which to ask again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "How to authenticate.",
        "schema": {"type": "string", "const": "Bearer"},
    },
}

_SOMETIMES = frozenset({"Age"})
"""Headers that not each answer of their status has."""


def described_answers(
    known: Endpoint, references: References, has_path: bool, may_be_shed: bool
) -> Json:
    """By status. `has_path`: it takes a part of its path, and what that names may not exist;
    `may_be_shed`: it is refused when too many requests are in flight."""
    found: dict[int, Json] = {}
    for status, model in known.answers.items():
        found[status] = _answer(known, status, model, references)
    kinds = [*_common(known), *(["not-found"] if has_path else ()), *known.problems]
    kinds += ["overloaded"] if may_be_shed else []
    for status in sorted({KINDS[kind].status for kind in kinds}):
        of_it = [kind for kind in dict.fromkeys(kinds) if KINDS[kind].status == status]
        problem = _problem(known, status, of_it, references)
        found[status] = _both(found[status], problem) if status in found else problem
    return {str(status): found[status] for status in sorted(found)}


def _common(known: Endpoint) -> list[str]:
    """The kinds of problems that follow from the rest."""
    kinds = ["misdirected", "internal-error"]  # each has a Host
    if known.query is not Anything or known.headers is not NoParameters or known.body is not None:
        kinds.append("invalid")  # most have a query, if only an empty one
    if known.role is not None:
        kinds += ["unauthorized", "forbidden", "too-many-attempts"]
    if known.body is not None:
        kinds += ["bad-request", "too-large", "unsupported-media-type"]
    return kinds


def _answer(
    known: Endpoint, status: int, model: type[BaseModel] | None, references: References
) -> Json:
    answer: Json = {"description": _first_sentence(model) or HTTPStatus(status).phrase}
    schemas = {} if model is None else {"application/json": references[model]}
    if status < HTTPStatus.MULTIPLE_CHOICES:
        schemas |= {kind: {"type": "string"} for kind in known.text}
    if schemas:
        answer["content"] = {kind: {"schema": schema} for kind, schema in schemas.items()}
    return _with_headers(
        answer, {name: name not in _SOMETIMES for name in known.sends.get(status, ())}
    )


def _problem(known: Endpoint, status: int, kinds: list[str], references: References) -> Json:
    lines = [f"- [`{kind}`](/problems/{kind}): {KINDS[kind].title}." for kind in kinds]
    if status == 500:
        lines.append("\nIt is never expected: whoever meets it has found a defect.")
    content = {"application/problem+json": {"schema": references[Problem]}}
    answer = {"description": "\n".join(lines), "content": content}
    headers = dict.fromkeys(known.sends.get(status, ()), False)
    if status == 401:
        headers["WWW-Authenticate"] = True
    if status in (429, 503):
        headers["Retry-After"] = status == 429  # a 503 has none where waiting is no help
    return _with_headers(answer, headers)


def _both(answer: Json, problem: Json) -> Json:
    """A status that is an answer as well as a problem; only problems have the headers."""
    headers = {n: {**h, "required": False} for n, h in problem.get("headers", {}).items()}
    return {
        "description": f"{answer['description']}\n\n{problem['description']}",
        "content": {**answer["content"], **problem["content"]},
        **({"headers": headers} if headers else {}),
    }


def _with_headers(answer: Json, headers: dict[str, bool]) -> Json:
    if not headers:
        return answer
    named = {name: {**_HEADERS[name], "required": always} for name, always in headers.items()}
    return {**answer, "headers": named}


def _first_sentence(model: type[BaseModel] | None) -> str:
    return " ".join((model.__doc__ or "").split()) if model is not None else ""
