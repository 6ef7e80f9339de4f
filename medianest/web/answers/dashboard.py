"""What `/api/v1/dashboard` answers."""

from __future__ import annotations

from medianest.health import Status
from medianest.resilience import Criticality
from medianest.web.answers.base import AnswerModel, Timestamp
from medianest.web.answers.queue import QueueFigures

__all__ = ["DashboardStatus", "ServiceLine"]


class ServiceLine(AnswerModel):
    """How one service is."""

    name: str
    criticality: Criticality
    status: Status
    message: str


class DashboardStatus(AnswerModel):
    """How each service is."""

    status: Status
    services: tuple[ServiceLine, ...]
    queue: QueueFigures
    checked_at: Timestamp
