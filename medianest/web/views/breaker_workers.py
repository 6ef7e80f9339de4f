"""How a circuit breaker is in each worker process, and what an operator wants it to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from medianest.overrides.override import Override
from medianest.peers.difference import difference, some
from medianest.peers.roster import MemberState, rough
from medianest.resilience import State
from medianest.web.models import AnswerModel, Timestamp
from medianest.web.words import BreakerState

__all__ = ["BreakerWorkers", "DesiredState"]


class DesiredState(AnswerModel):
    """What an operator wants of a circuit breaker, everywhere and until it ends."""

    state: BreakerState
    reason: str | None
    actor: str | None
    revision: Annotated[int, Field(ge=1, description="The highest counts.")]
    set_at: Timestamp
    expires_at: Annotated[Timestamp | None, Field(description="Null: when an operator ends it.")]

    @classmethod
    def of(cls, override: Override) -> DesiredState:
        """Of one that lasts."""
        return cls(
            state="forced_open" if override.action == "open" else "disabled",
            reason=override.reason,
            actor=override.actor,
            revision=override.revision,
            set_at=override.at,
            expires_at=override.expires_at,
        )


class BreakerOfWorker(AnswerModel):
    """How a circuit breaker is in one worker process."""

    name: Annotated[str, Field(description="Of the worker.")]
    state: Annotated[BreakerState | None, Field(description="Null: it has not said so yet.")]
    is_silent: Annotated[
        bool, Field(description="Whether it says nothing any more; the state is its last one.")
    ]


class BreakerWorkers(AnswerModel):
    """How a circuit breaker is in the worker processes of this host; half-open counts as open."""

    alike: Annotated[int, Field(ge=0, description="How many are in this state.")]
    of: Annotated[int, Field(ge=1, description="How many there are.")]
    message: Annotated[
        str | None, Field(description="In what they differ, and who is silent; null: neither.")
    ]
    states: tuple[BreakerOfWorker, ...]

    @classmethod
    def of_states(
        cls, states: Sequence[MemberState], state: State, service: str
    ) -> BreakerWorkers | None:
        """Of a breaker of that service that is told to be in `state`; None: it is in this process
        alone, or nobody knows."""
        if not states:
            return None
        found = [each for each in states if rough(each.state) is rough(state)]
        return cls(
            alike=sum(not each.is_silent for each in found),
            of=len(states),
            message=_told(states, service),
            states=tuple(
                BreakerOfWorker(name=each.member, state=_word(each.state), is_silent=each.is_silent)
                for each in states
            ),
        )


def _told(states: Sequence[MemberState], service: str) -> str | None:
    silent = [each.member for each in states if each.is_silent]
    parts = (difference(service, states), f"silent: {some(silent)}" if silent else None)
    return "; ".join(filter(None, parts)) or None


def _word(state: State | None) -> BreakerState | None:
    return None if state is None else state.value
