"""The roles of those who ask."""

from __future__ import annotations

from typing import Literal

__all__ = ["Role"]

Role = Literal["client", "viewer", "operator"]
"""Who uses what is served, who looks at how it is, and who acts on it."""
