"""What processes tell each other, of circuit breakers and bulkheads above all. Each message may be
lost, come twice, late or in another order: it says how something is, and not what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medianest.resilience import State
from medianest.resilience.circuit_breaker.evidence import Evidence
from medianest.resilience.circuit_breaker.joint import Opening

__all__ = [
    "Bulletin",
    "Elsewhere",
    "Failed",
    "Freed",
    "Heard",
    "Message",
    "News",
    "OfBreakers",
    "OfBulkheads",
    "Passed",
    "Shown",
    "Standing",
    "States",
    "Wanted",
    "WantsProbe",
]


@dataclass(frozen=True, slots=True)
class Failed:
    """A call has failed where the breaker is closed. With `asks`, what have you seen?"""

    breaker: str
    evidence: Evidence
    asks: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """That is what I have seen."""

    breaker: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Standing:
    """How the breaker is for all: open so, or not. Of two, that of the higher number holds; of
    those of one number, that of the higher name."""

    breaker: str
    number: int = 0
    by: str = ""
    opening: Opening | None = None

    @property
    def rank(self) -> tuple[int, str]:
        """Which of two holds."""
        return self.number, self.by


@dataclass(frozen=True, slots=True)
class Passed:
    """So many probes of mine have succeeded since the opening of that number."""

    breaker: str
    number: int
    probes: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What other hosts have of it: when one of them opened it last, if it is open there; and until
    when it is for them to probe. Instants are those of the clock of this host."""

    breaker: str
    failed_at: float | None = None
    barred_until: float = 0.0


@dataclass(frozen=True, slots=True)
class WantsProbe:
    """A call of mine was refused only because it is for another host to probe."""

    breaker: str


@dataclass(frozen=True, slots=True)
class News:
    """Something of that topic has changed."""

    topic: str
    key: str


@dataclass(frozen=True, slots=True)
class Heard:
    """I have heard the news with that key, and done what is to be done."""

    key: str


@dataclass(frozen=True, slots=True)
class States:
    """How my circuit breakers are, but for those that are closed. Of two, that of the higher number
    holds. Not `is_all`: there were too many for one message."""

    number: int
    states: Mapping[str, State]
    is_all: bool = True

    def of(self, breaker: str) -> State | None:
        """How one of them is; None: it was too many."""
        return self.states.get(breaker, State.CLOSED if self.is_all else None)


@dataclass(frozen=True, slots=True)
class Bulletin:
    """That is how something of that topic is here, in plain JSON values."""

    topic: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call of mine finds no place in that bulkhead."""

    bulkhead: str


@dataclass(frozen=True, slots=True)
class Freed:
    """A place that you wanted may be free."""

    bulkhead: str


OfBreakers = Failed | Shown | Standing | Passed | Elsewhere | WantsProbe
OfBulkheads = Wanted | Freed
Message = OfBreakers | OfBulkheads | News | Heard | States | Bulletin
