"""`/api/v1/resilience/silences`: alerts of which nobody is notified for a while."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, g
from pydantic import Field

from medianest.health import alerts
from medianest.web.audited import audited
from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.models import AnswerModel, Timestamp
from medianest.web.parameters import meant
from medianest.web.problems import ProblemError
from medianest.web.schemas import Silencing

__all__ = ["blueprint"]

blueprint = Blueprint("silences", __name__, url_prefix="/api/v1/resilience")

Key = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="The key of an alert: what it watches, and what it is about.",
        examples=["dependency-down:plex-media-server"],
    ),
]


class Silence(AnswerModel):
    """An alert of which nobody is notified, now or when it comes again."""

    key: str
    set_at: Timestamp
    until_at: Timestamp
    reason: str
    actor: str
    kept: Annotated[
        bool,
        Field(
            description="Whether it is in the database, from where other processes learn of it; "
            "if not, it is written when the database is back."
        ),
    ]

    @classmethod
    def of(cls, silence: alerts.Silence) -> Silence:
        """As it is kept."""
        return cls(
            key=silence.key,
            set_at=silence.set_at,
            until_at=silence.until_at,
            reason=silence.reason,
            actor=silence.actor,
            kept=core().monitoring.keeps(silence),
        )

    @property
    def status(self) -> int:
        """202 when it is obeyed, but would end with the process."""
        return 200 if self.kept else 202


class Silences(AnswerModel):
    """Every silence that lasts now."""

    silences: tuple[Silence, ...]


@blueprint.get("/silences")
@endpoint("viewer", operation_id="list_silences", answers={200: Silences})
def list_silences() -> Silences:
    """Every alert that is silenced, whether it fires or not."""
    return Silences(silences=tuple(map(Silence.of, core().monitoring.silences.active())))


@blueprint.post("/alerts/<path:key>/silence")
@endpoint(
    "operator",
    operation_id="silence_alert",
    body=Silencing,
    answers={200: Silence, 202: Silence},
)
def silence_alert(key: Key, body: Silencing) -> tuple[Silence, int]:
    """Notify nobody of an alert for so long, also when it ends and comes again; it is shown all the
    same, and told when the silence is over and it still fires. Of an alert that is silenced already
    this is the new silence. 202 when it is obeyed, but could not be kept yet."""
    key, watch = _known(key), core().monitoring
    made = watch.silences.silence(key, body.duration_seconds, body.reason, g.actor)
    watch.reporter.forget()
    audited("alert.silence", key, body.reason, {"duration_seconds": body.duration_seconds})
    answer = Silence.of(made)
    return answer, answer.status


@blueprint.delete("/alerts/<path:key>/silence")
@endpoint("operator", operation_id="end_silence", answers={200: Silence, 202: Silence})
def end_silence(key: Key) -> tuple[Silence, int]:
    """Have an alert told again: at once, if it fires."""
    watch = core().monitoring
    key = _meant(key, {each.key for each in watch.silences.active()})
    ended = watch.silences.end(key)
    if ended is None:
        raise ProblemError("not-found", f"the alert {key!r} is not silenced")
    watch.reporter.forget()
    audited("alert.end-silence", key)
    answer = Silence.of(ended)
    return answer, answer.status


def _known(key: str) -> str:
    known = core().monitoring.alerts.keys()
    key = _meant(key, known)
    if key not in known:
        raise ProblemError("not-found", f"there is no alert {key!r}", {"alerts": sorted(known)})
    return key


def _meant(key: str, known: set[str] | frozenset[str]) -> str:
    """The key, with the full name of its subject."""
    rule, colon, subject = key.partition(":")
    subjects = {each.partition(":")[2] for each in known}
    return f"{rule}{colon}{meant(subject, subjects)}"
