"""An operator's word on a circuit breaker, as it is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

if TYPE_CHECKING:
    from medianest.peers.announcements import Reached

__all__ = ["ACTIONS", "TOMBSTONE_DAYS", "Action", "Kept", "Override"]

Action = Literal["open", "close", "reset", "disable", "enable"]
ACTIONS: Final[tuple[str, ...]] = get_args(Action)
_LASTING: Final = ("open", "disable")
TOMBSTONE_DAYS: Final = 30
"""So long is an override remembered that has ended: an older copy must not bring it back."""


@dataclass(frozen=True, slots=True)
class Override:
    """The last word on one breaker; of two, the one with the higher revision counts.

    `open` and `disable` last until `expires_at`. `close`, `reset` and `enable` end them, and stay
    as tombstones.
    """

    breaker: str
    action: Action
    revision: int
    at: datetime
    expires_at: datetime | None = None
    reason: str | None = None
    actor: str | None = None

    @property
    def rank(self) -> tuple[int, str]:
        """What the highest of decides; the text only settles ties, and for everyone alike."""
        return self.revision, repr(self.as_dict())

    def is_active(self, now: datetime) -> bool:
        """Whether it lasts at that time of day."""
        return self.action in _LASTING and (self.expires_at is None or now < self.expires_at)

    def remaining(self, now: datetime) -> float | None:
        """Seconds until it expires, and never more than was asked for: the clock may have been
        set back. None: it never does."""
        if self.expires_at is None:
            return None
        return (self.expires_at - max(now, self.at)).total_seconds()

    def is_forgettable(self, now: datetime) -> bool:
        """Whether it ended so long ago that nobody needs to know."""
        ended = self.expires_at if self.action in _LASTING else self.at
        return ended is not None and now - ended > timedelta(days=TOMBSTONE_DAYS)

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        expires_at = self.expires_at.isoformat() if self.expires_at is not None else None
        return {**asdict(self), "at": self.at.isoformat(), "expires_at": expires_at}

    @classmethod
    def of(cls, kept: Any) -> Override:
        """What `as_dict` made. Raises ValueError for anything else."""
        try:
            made = cls(
                breaker=_text(kept["breaker"]),
                action=kept["action"],
                revision=kept["revision"],
                at=_time(kept["at"]),
                expires_at=None if kept["expires_at"] is None else _time(kept["expires_at"]),
                reason=None if kept["reason"] is None else _text(kept["reason"]),
                actor=None if kept["actor"] is None else _text(kept["actor"]),
            )
        except (TypeError, KeyError) as error:
            raise ValueError(f"it is no override: {error!r}") from None
        if made.action not in ACTIONS or type(made.revision) is not int:
            raise ValueError(f"it is no override: {made.action!r}, {made.revision!r}")
        if not 0 < made.revision < 2**62:
            raise ValueError(f"its revision is {made.revision}")
        return made


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _time(value: Any) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return found


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an override is kept, and why not in the file."""

    file: bool
    database: bool
    problem: str | None
    reached: Reached | None = None
    """Which processes of this host obey; None: they do not know each other."""
