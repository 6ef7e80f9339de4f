"""Reads requests and checks them by pydantic; faults become problems that list them."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from medianest.faults import in_our_words
from medianest.web.parameters import PLAIN
from medianest.web.problems import ProblemError

__all__ = ["body", "checked", "headers", "optional_body", "query"]

M = TypeVar("M", bound=BaseModel)

_FAULTS = 20
"""So many are told: an answer must not be many times as large as its request."""


def query(model: type[M]) -> M:
    """The query parameters of the current request. Raises ProblemError."""
    parameters = request.args.to_dict(flat=False)
    values: dict[str, Any] = {k: v[0] if len(v) == 1 else v for k, v in parameters.items()}
    return checked(model, values)


def headers(model: type[M]) -> M:
    """Those headers of the current request that the model knows. Raises ProblemError."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    given = {name: request.headers[name] for name in names if name in request.headers}
    return checked(model, given)


def optional_body(model: type[M]) -> M:
    """The same where there may be none."""
    return body(model) if _sent() else model()


def body(model: type[M]) -> M:
    """The JSON body of the current request. Raises ProblemError."""
    if not request.is_json:
        raise ProblemError(
            "unsupported-media-type", "send JSON with Content-Type: application/json"
        )
    try:
        values = json.loads(_sent(), object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ProblemError("bad-request", "the body is not valid JSON") from None
    return checked(model, values)


def _sent() -> bytes:
    try:
        sent = request.get_data()
    except HTTPException:
        raise
    except Exception:  # broken off, or in chunks that are none: each server has errors of its own
        raise ProblemError("bad-request", "the body could not be read") from None
    most = request.max_content_length
    if request.content_length is None and most is not None and len(sent) >= most:
        # Of a body in chunks Werkzeug drops silently what is beyond the limit.
        raise RequestEntityTooLarge
    return sent


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a name that stands in it twice would be read one way here, and another way
    by a proxy that checks."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def checked(model: type[M], values: Any) -> M:
    """The values as the model has them. Raises ProblemError, which lists what is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False)
        faults = [_fault(fault, model) for fault in found[:_FAULTS]]
        detail = "; ".join(f"{f['field']}: {f['message']}" for f in faults)
        if len(found) > _FAULTS:
            detail += f"; and {len(found) - _FAULTS} more"
        raise ProblemError("invalid", detail, {"errors": faults}) from None


def _fault(fault: Any, model: type[BaseModel]) -> dict[str, str]:
    message = in_our_words(fault["msg"])
    if fault["type"] == "extra_forbidden":
        allowed = ", ".join(model.model_fields) or "none"
        message = f"not known; allowed are: {allowed}"
    elif fault["type"] == "string_pattern_mismatch" and PLAIN in fault["ctx"]["pattern"]:
        message = "must not have control characters"
    where = [str(part) for part in fault["loc"] if part != ""]  # "": one of several forms
    return {"field": ".".join(where) or "body", "message": message}
