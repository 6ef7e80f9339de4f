"""`/api/v1/resilience/alerts`: what fires, what may, and what was told."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from medianest.health import alerts
from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.models import AnswerModel, Number, Timestamp
from medianest.web.words import AlertSeverity

__all__ = ["Alert", "Alerts", "blueprint"]

blueprint = Blueprint("alerts", __name__, url_prefix="/api/v1/resilience")


_INNER = ("silenced_at", "silenced_until")


class AlertSilence(AnswerModel):
    """Why nobody is notified of an alert, and until when."""

    until_at: Timestamp
    reason: str
    actor: str


class Alert(AnswerModel):
    """Something that somebody should know."""

    id: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    key: Annotated[
        str, Field(description="The same for all alerts about the same thing: rule and subject.")
    ]
    rule: alerts.Rule
    subject: Annotated[str, Field(description="The dependency that it is about, or `system`.")]
    severity: Annotated[AlertSeverity, Field(description="The worst that it has been so far.")]
    state: alerts.State
    message: str
    value: Annotated[
        Number | None,
        Field(
            description="What was measured: a share of 1, seconds or a number, as the rule has it."
        ),
    ]
    threshold: Number | None
    affected: Annotated[tuple[str, ...], Field(description="Dependencies and routes.")]
    advice: Annotated[str, Field(description="What to do.")]
    started_at: Annotated[
        Timestamp, Field(validation_alias="since", description="When it was first seen.")
    ]
    fired_at: Timestamp | None
    notified_at: Annotated[
        Timestamp | None,
        Field(validation_alias="told_at", description="When people were last notified."),
    ]
    resolved_at: Timestamp | None
    silence: Annotated[
        AlertSilence | None,
        Field(description="While there is one, nobody is notified."),
    ]

    @classmethod
    def of(cls, alert: alerts.Alert) -> Alert:
        """As it is now."""
        told = {name: value for name, value in alert.as_dict().items() if name not in _INNER}
        silence = core().monitoring.silences.of(alert.key)
        return cls.model_validate({**told, "key": alert.key, "silence": silence})


class Alerts(AnswerModel):
    """Alerts that fire, alerts that may soon, and those that were sent last, newest first."""

    firing: tuple[Alert, ...]
    pending: tuple[Alert, ...]
    recent: tuple[Alert, ...]


@blueprint.get("/alerts")
@endpoint("viewer", operation_id="list_alerts", answers={200: Alerts})
def list_alerts() -> Alerts:
    """The alerts that fire, those that may soon, and the last ones that any process sent."""
    manager = core().monitoring.alerts
    firing, pending, recent = manager.firing(), manager.pending(), manager.recent()
    return Alerts(
        firing=tuple(map(Alert.of, firing)),
        pending=tuple(map(Alert.of, pending)),
        recent=tuple(map(Alert.of, recent)),
    )
