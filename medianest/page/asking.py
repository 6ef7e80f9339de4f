"""Asks the API's own endpoints, inside the process: what the page shows and does is what the API
answers and does, by the same models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import request

from medianest.web.endpoint import Endpoint, endpoint_of
from medianest.web.reading import checked

__all__ = ["act", "ask"]


def ask(view: Callable[..., Any], *, limit: int | None = None, **path: str) -> Any:
    """What an endpoint answers; the current request's query goes along, as far as it takes it.
    Raises ProblemError."""
    known = _known(view)
    if not known.query.model_fields:
        return view.__wrapped__(**path)  # type: ignore[attr-defined]
    given = {name: request.args[name] for name in known.query.model_fields if name in request.args}
    if limit is not None and "limit" in known.query.model_fields:
        given.setdefault("limit", str(limit))
    wanted = {name: value for name, value in given.items() if value != ""}
    return view.__wrapped__(**path, query=checked(known.query, wanted))  # type: ignore[attr-defined]


def act(view: Callable[..., Any], values: Mapping[str, Any], **path: str) -> Any:
    """Have an endpoint do something, with these values as its body; those that are None or empty
    are left out. Raises ProblemError."""
    known = _known(view)
    if known.body is None:
        return view.__wrapped__(**path)  # type: ignore[attr-defined]
    given = {name: value for name, value in values.items() if value not in (None, "")}
    return view.__wrapped__(**path, body=checked(known.body, given))  # type: ignore[attr-defined]


def _known(view: Callable[..., Any]) -> Endpoint:
    found = endpoint_of(view)
    assert found is not None, view
    return found
