"""One decorator for every view of the API: who may call it, what it takes and what it answers.

The same models check the requests, render the answers and make the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeAlias

from flask import Response, g
from pydantic import BaseModel

from medianest.web.core import core
from medianest.web.parameters import NoParameters
from medianest.web.reading import body, headers, optional_body, query
from medianest.web.roles import Role

__all__ = ["Answered", "Endpoint", "endpoint", "endpoint_of"]

Answered: TypeAlias = (
    BaseModel | tuple[BaseModel, int] | tuple[BaseModel, int, Mapping[str, str]] | Response | None
)
"""What a view returns: a model, with a status and headers where they are not the usual ones;
None for no content; a Response as it is."""

View: TypeAlias = Callable[..., Answered]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What a view takes and answers."""

    operation_id: str
    role: Role | None
    query: type[BaseModel]
    headers: type[BaseModel]
    body: type[BaseModel] | None
    body_required: bool
    answers: Mapping[int, type[BaseModel] | None]
    sends: Mapping[int, tuple[str, ...]]
    problems: tuple[str, ...]
    services: tuple[str, ...]
    unless: str | None
    text: tuple[str, ...]
    linked: bool

    def admit(self) -> None:
        """Let only its role in; `g.actor` is then who is there. Raises ProblemError."""
        if self.role is None or (self.unless and core().is_public(self.unless)):
            return
        if not (self.linked and core().is_looking()):
            g.actor = core().authorize(self.role)

    def read(self) -> dict[str, BaseModel]:
        """The arguments that the view takes from the current request. Raises ProblemError."""
        found: dict[str, BaseModel] = {}
        parameters = query(self.query)
        if self.query.model_fields:
            found["query"] = parameters
        if self.headers.model_fields:
            found["headers"] = headers(self.headers)
        if self.body is not None:
            found["body"] = body(self.body) if self.body_required else optional_body(self.body)
        return found


def endpoint(
    role: Role | None = None,
    *,
    operation_id: str,
    query: type[BaseModel] = NoParameters,
    headers: type[BaseModel] = NoParameters,
    body: type[BaseModel] | None = None,
    body_required: bool = True,
    answers: Mapping[int, type[BaseModel] | None],
    sends: Mapping[int, Iterable[str]] | None = None,
    problems: Iterable[str] = (),
    services: Iterable[str] = (),
    unless: str | None = None,
    text: Iterable[str] = (),
    linked: bool = False,
) -> Callable[[View], Callable[..., Response]]:
    """Make a view an endpoint; put it right under the route.

    `operation_id` names it in the document, from which clients are generated: verb, noun; it stays
    when the view gets another name. `role` None is public. The view gets `query`, `headers` and
    `body` where models are given for them. `answers` are the models by status, the usual one
    first; with none, the endpoint is not in the document. `sends` names response headers by status,
    `problems` the kinds that it answers with beside those that follow from the rest, `services`
    what it calls, so that it is known what suffers with them. `unless` names a setting that lets
    everybody in; `text` are the kinds of text that a Response can be, beside its model. One that is
    `linked` from the page is read by whoever has signed in there.
    """
    known = Endpoint(
        operation_id=operation_id,
        role=role,
        query=query,
        headers=headers,
        body=body,
        body_required=body_required,
        answers=answers,
        sends={status: tuple(names) for status, names in (sends or {}).items()},
        problems=tuple(problems),
        services=tuple(services),
        unless=unless,
        text=tuple(text),
        linked=linked,
    )
    usual = next(iter(answers), 200)

    def decorate(view: View) -> Callable[..., Response]:
        @wraps(view)
        def answer(**path: Any) -> Response:
            known.admit()
            return _rendered(view(**path, **known.read()), usual)

        answer.endpoint = known  # type: ignore[attr-defined]
        return answer

    return decorate


def endpoint_of(view: Callable[..., Any]) -> Endpoint | None:
    """What was said of a view, if it is an endpoint."""
    return getattr(view, "endpoint", None)


def _rendered(answered: Answered, status: int) -> Response:
    if isinstance(answered, Response):
        return answered
    more: Mapping[str, str] = {}
    if isinstance(answered, tuple):
        answered, status, *rest = answered
        more = rest[0] if rest else more
    if answered is None:
        response = Response(status=status)
        del response.headers["Content-Type"]
    else:
        text = answered.model_dump_json() + "\n"
        response = Response(text, status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    for name, value in more.items():
        response.headers[name] = value
    return response
