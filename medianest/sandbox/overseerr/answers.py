"""Answers as Overseerr's web framework sends them, errors among them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from medianest.resilience.errors import PortableError
from medianest.sandbox.messages import SPELLED, Reply
from medianest.sandbox.proxy import proxied

__all__ = ["MAINTENANCE", "NOT_A_PAGE", "AnswerError", "Problem", "answered"]

JSON: Final = "application/json; charset=utf-8"
POWERED: Final = ("X-Powered-By", "Express")

MAINTENANCE: Final = proxied(503)
"""What the reverse proxy in front says while Overseerr itself does not listen."""

NO_PAGE: Final = (
    "<!DOCTYPE html><html><head><title>404: This page could not be found</title></head>"
)
NOT_A_PAGE: Final = Reply(404, NO_PAGE.encode(), "text/html; charset=utf-8", (POWERED,))
"""Outside of the API there is the web interface, which the sandbox does not play."""

Problem = dict[str, str]
"""`path`, `message` and, of a value that breaks a rule of the schema, `errorCode`."""


class AnswerError(PortableError):
    """The request gets an error."""

    def __init__(self, status: int, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.content: dict[str, Any] = {"message": message}
        if problems:
            self.content["errors"] = list(problems)


def answered(status: int, content: Any) -> Reply:
    """JSON with Express's headers."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    body = text.encode(errors=SPELLED)
    digest = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()
    tag = ("ETag", f'W/"{len(body):x}-{digest[:27]}"')
    return Reply(status, body, JSON, (POWERED, tag))
