"""For whom a thread works, as the compartments of the database ask."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, Literal, TypeAlias

__all__ = ["CALLER", "Caller"]

Caller: TypeAlias = Literal["client", "operator", "background"]
"""Who calls the database: a request of a client, one of an operator or a viewer, or no request."""

CALLER: Final[ContextVar[Caller]] = ContextVar("medianest-caller", default="background")
"""For whom this thread works now; set by whoever takes a request."""
