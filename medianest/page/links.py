"""Where programs that come to the front page go on."""

from __future__ import annotations

from typing import Annotated, Any

from flask import request
from pydantic import Field

from medianest.web.core import core
from medianest.web.models import AnswerModel

__all__ = ["Links", "links"]


def _path(example: str) -> Any:
    return Field(description="A path of this server; null: there is none.", examples=[example])


class Links(AnswerModel):
    """Where programs go on; browsers get a page instead, or are led to its login form."""

    health: Annotated[str, _path("/api/v1/health")]
    status: Annotated[str, _path("/api/v1/resilience/status")]
    documentation: Annotated[str | None, _path("/docs")] = None
    openapi: Annotated[str | None, _path("/docs/openapi.json")] = None
    metrics: Annotated[str | None, _path("/metrics")] = None


def links() -> Links:
    """As the client of the current request asks for them, also below the path of a proxy."""
    found = core().links().items()
    return Links.model_validate({name: request.script_root + path for name, path in found})
