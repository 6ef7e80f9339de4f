"""Where programs that come to the front page go on."""

from __future__ import annotations

from typing import Annotated, Any

from flask import request
from pydantic import Field

from medianest.web.models import AnswerModel

__all__ = ["Links", "links"]


def _path(example: str) -> Any:
    return Field(description="A path of this server.", examples=[example])


class Links(AnswerModel):
    """Where programs go on; browsers get a page instead, or are led to its login form."""

    health: Annotated[str, _path("/api/v1/health")]
    status: Annotated[str, _path("/api/v1/resilience/status")]
    documentation: Annotated[str, _path("/docs")]
    openapi: Annotated[str, _path("/docs/openapi.json")]
    metrics: Annotated[str, _path("/metrics")]


def links() -> Links:
    """As the client of the current request asks for them, also below the path of a proxy."""
    root = request.script_root
    return Links(
        health=f"{root}/api/v1/health",
        status=f"{root}/api/v1/resilience/status",
        documentation=f"{root}/docs",
        openapi=f"{root}/docs/openapi.json",
        metrics=f"{root}/metrics",
    )
