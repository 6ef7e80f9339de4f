"""Every error as a problem (RFC 9457). They are rendered by medianest.web.problems, which must not
fail whatever went wrong; this is what they look like."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Fault", "Problem"]


class Fault(BaseModel):
    """One thing that is wrong in a request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: Annotated[str, Field(description="Its name, with dots for members within members.")]
    message: str


class Problem(BaseModel):
    """Why a request was not answered; some kinds have members of their own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: Annotated[str, Field(description="The path of a page about this kind of problem.")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: Annotated[str, Field(description="The path that was asked for.")]
    trace_id: Annotated[
        str, Field(pattern="^[0-9a-f]{32}$", description="Also in the log of the server.")
    ]
    service: Annotated[str, Field(description="The service that failed.")] = ""
    retry_after_seconds: Annotated[
        float, Field(gt=0, description="The time to wait before the next try, as in Retry-After.")
    ] = 1.0
    variable: Annotated[str, Field(description="The setting that is missing.")] = ""
    errors: tuple[Fault, ...] = ()
