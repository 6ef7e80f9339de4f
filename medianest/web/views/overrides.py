"""`/api/v1/resilience/overrides`: what operators want of circuit breakers until they end it."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, g
from pydantic import Field

from medianest.overrides.override import Kept, Override
from medianest.peers.announcements import Reached
from medianest.resilience import CircuitBreaker
from medianest.web.audited import audited
from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.models import AnswerModel, Seconds, Timestamp
from medianest.web.parameters import meant
from medianest.web.problems import ProblemError
from medianest.web.words import BreakerState, LastingAction

__all__ = ["Applied", "BreakerOverride", "BreakerOverrides", "OverrideStorage", "blueprint"]

_OTHER_WORKERS = 2.0
"""Seconds within which other workers see the file: they look once a second."""


class Applied(AnswerModel):
    """Which worker processes of this host obey an operator's decision."""

    workers: Annotated[int, Field(ge=0, description="How many have said that they obey.")]
    of: Annotated[int, Field(ge=1, description="How many there are.")]
    silent: Annotated[
        tuple[str, ...],
        Field(description="Those that have not said so; they obey when they run again."),
    ]


class OverrideStorage(AnswerModel):
    """Where an operator's decision is kept, so that it outlives the process, and who obeys it."""

    file: Annotated[bool, Field(description="Whether it is in the instance folder, on disk.")]
    database: Annotated[
        bool,
        Field(
            description="Whether it is in the database; if not, it is written when the "
            "database is back."
        ),
    ]
    problem: Annotated[
        str | None, Field(description="Why it is not in the file; writing is tried again.")
    ]
    other_workers_within_seconds: Annotated[
        Seconds | None,
        Field(
            description="Within which the other workers of this host obey; null: they "
            "learn of it from the database alone, when they next look, or not at all.",
        ),
    ]
    applied: Annotated[
        Applied | None,
        Field(description="Who obeys already; null: the workers do not know each other."),
    ]

    @classmethod
    def of(cls, kept: Kept) -> OverrideStorage:
        """As the keeper says."""
        within = _OTHER_WORKERS if kept.file else None
        problem = None if kept.problem is None else f"not kept: {kept.problem}"
        return cls(
            file=kept.file,
            database=kept.database,
            problem=problem,
            other_workers_within_seconds=within,
            applied=None if kept.reached is None else _applied(kept.reached),
        )

    @property
    def status(self) -> int:
        """200 when it outlives the process and every worker obeys. Else 202: it is obeyed all the
        same, as who closes a valve must not be stopped by a full disk, and nobody should think that
        it lasts, or that it is done everywhere."""
        is_everywhere = self.applied is None or not self.applied.silent
        return 200 if (self.file or self.database) and is_everywhere else 202


def _applied(reached: Reached) -> Applied:
    return Applied(workers=reached.processes, of=reached.of, silent=reached.silent)


class BreakerOverride(AnswerModel):
    """An operator's decision about a circuit breaker, while it lasts."""

    name: str
    action: LastingAction
    set_at: Timestamp
    expires_at: Annotated[
        Timestamp | None, Field(description="Null: it lasts until an operator ends it.")
    ]
    reason: str | None
    actor: str | None
    revision: Annotated[
        int,
        Field(
            ge=1, description="Of several overrides of a breaker the one with the highest counts."
        ),
    ]
    breaker_state: Annotated[
        BreakerState | None,
        Field(
            description="The state of the breaker in this process; null: there is no such "
            "breaker now."
        ),
    ]

    @classmethod
    def of(cls, override: Override, breaker: CircuitBreaker | None) -> BreakerOverride:
        """As it is kept, beside the breaker as it is."""
        return cls.model_validate(
            {
                "name": override.breaker,
                "action": override.action,
                "set_at": override.at,
                "expires_at": override.expires_at,
                "reason": override.reason,
                "actor": override.actor,
                "revision": override.revision,
                "breaker_state": None if breaker is None else breaker.state.value,
            }
        )


class BreakerOverrides(AnswerModel):
    """Every override that lasts now."""

    overrides: tuple[BreakerOverride, ...]
    problem: Annotated[
        str | None, Field(description="Why the file lacks some of them; null: it has all.")
    ]


blueprint = Blueprint("overrides", __name__, url_prefix="/api/v1/resilience/overrides")

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="The name of a circuit breaker.",
        examples=["plex-media-server"],
    ),
]


@blueprint.get("", strict_slashes=False)
@endpoint("viewer", operation_id="list_overrides", answers={200: BreakerOverrides})
def list_overrides() -> BreakerOverrides:
    """Every override that lasts, also of breakers that do not exist now."""
    here = core()
    found = tuple(
        BreakerOverride.of(each, here.registry.find_breaker(each.breaker))
        for each in here.overrides.active()
    )
    return BreakerOverrides(overrides=found, problem=here.overrides.problem)


@blueprint.delete("/<path:name>")
@endpoint(
    "operator", operation_id="end_override", answers={200: OverrideStorage, 202: OverrideStorage}
)
def end_override(name: Name) -> tuple[OverrideStorage, int]:
    """End an override, also of a breaker that does not exist now; for others it is the action
    `enable`. 202 when this is obeyed, but could be kept nowhere yet."""
    here = core()
    known = [each.breaker for each in here.overrides.active()]
    name = meant(name, known)
    if name not in known:
        raise ProblemError("not-found", f"there is no override of {name!r}")
    kept = OverrideStorage.of(here.overrides.act(name, "enable", actor=g.actor))
    is_gone = here.registry.find_breaker(name) is None
    audited("circuit-breaker.enable", name, log=is_gone)
    return kept, kept.status
