"""What `/docs/openapi.json` answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["OpenApi"]


class OpenApi(BaseModel):
    """An OpenAPI document, this one."""

    model_config = ConfigDict(extra="allow", frozen=True)

    openapi: Literal["3.1.0"]
    info: dict[str, Any]
    paths: Annotated[dict[str, Any], Field(description="The operations, by path and method.")]
    components: dict[str, Any]
