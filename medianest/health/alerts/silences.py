"""Silences: alerts of which an operator knows already, and of which nobody is to be told."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from medianest.resilience import Clock
from medianest.resilience.clock import elapsed_of

__all__ = ["Silence", "Silences"]

_REMEMBERED: Final = timedelta(days=30)
"""So long is a silence known that is over: an older copy must not bring it back."""


@dataclass(frozen=True, slots=True)
class Silence:
    """The last word on the alert with that key, now and when it comes again; of two, the one with
    the higher revision counts. One that an operator has ended lasted until then."""

    key: str
    revision: int
    set_at: datetime
    until_at: datetime
    reason: str
    actor: str

    @property
    def rank(self) -> tuple[int, str]:
        """What the highest of decides; the text only settles ties, and for everyone alike."""
        return self.revision, repr(self.as_dict())

    def is_active(self, now: datetime) -> bool:
        """Whether it lasts at that time of day."""
        return now < self.until_at

    def is_forgettable(self, now: datetime) -> bool:
        """Whether it ended so long ago that nobody needs to know."""
        return now - self.until_at > _REMEMBERED

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        times = {"set_at": self.set_at.isoformat(), "until_at": self.until_at.isoformat()}
        return {**asdict(self), **times}

    @classmethod
    def of(cls, kept: Any) -> Silence:
        """What `as_dict` made. Raises ValueError for anything else."""
        try:
            made = cls(
                key=kept["key"],
                revision=kept["revision"],
                set_at=datetime.fromisoformat(kept["set_at"]),
                until_at=datetime.fromisoformat(kept["until_at"]),
                reason=kept["reason"],
                actor=kept["actor"],
            )
        except (TypeError, KeyError) as error:
            raise ValueError(f"it is no silence: {error!r}") from None
        texts, times = (made.key, made.reason, made.actor), (made.set_at, made.until_at)
        is_sound = type(made.revision) is int and all(isinstance(text, str) for text in texts)
        if not is_sound or any(time.tzinfo is None for time in times):
            raise ValueError(f"it is no silence: {made!r}")
        return made


class Silences:
    """Those that this process knows. One ends at its time of day, or when it has lasted as long as
    was asked for, whichever comes first if the clock is set. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._elapsed = clock, elapsed_of(clock)
        self._known: dict[str, tuple[Silence, float]] = {}
        """With the moment after which each lasts no longer, by the clock that nobody sets."""
        self._lock = threading.Lock()

    def silence(self, key: str, seconds: float, reason: str, actor: str) -> Silence:
        """Tell nobody of that alert for so long."""
        now = self._clock.utc()
        with self._lock:
            revision = self._next_needs_lock(key, now)
            made = Silence(key, revision, now, now + timedelta(seconds=seconds), reason, actor)
            self._keep_needs_lock(made, now)
        return made

    def end(self, key: str) -> Silence | None:
        """Have an alert told again; None when it was not silenced."""
        now = self._clock.utc()
        with self._lock:
            known = self._last_needs_lock(key, now)
            if known is None or not known.is_active(now):
                return None
            return self._end_needs_lock(known, now)

    def of(self, key: str) -> Silence | None:
        """The silence of an alert, while it lasts."""
        last = self.last(key)
        return last if last is not None and last.is_active(self._clock.utc()) else None

    def last(self, key: str) -> Silence | None:
        """The same, also when it is over."""
        with self._lock:
            return self._last_needs_lock(key, self._clock.utc())

    def active(self) -> list[Silence]:
        """Those that last now, by their keys."""
        now = self._clock.utc()
        return [each for each in self.known() if each.is_active(now)]

    def known(self) -> list[Silence]:
        """Those that last, and those that are over and not forgotten, by their keys."""
        now = self._clock.utc()
        with self._lock:
            found = [self._last_needs_lock(key, now) for key in sorted(self._known)]
            kept = [each for each in found if each is not None and not each.is_forgettable(now)]
            self._known = {each.key: self._known[each.key] for each in kept}
        return kept

    def learn(self, found: Iterable[Silence]) -> None:
        """Take over what is newer than what is known."""
        now = self._clock.utc()
        with self._lock:
            for silence in found:
                known = self._last_needs_lock(silence.key, now)
                is_newer = known is None or silence.rank > known.rank
                if is_newer and not silence.is_forgettable(now):
                    self._keep_needs_lock(silence, now)

    def _next_needs_lock(self, key: str, now: datetime) -> int:
        # By the time of day, so that it stays the highest also when every copy was lost.
        revision = int(now.timestamp() * 1000)
        known = self._known.get(key)
        return revision if known is None else max(revision, known[0].revision + 1)

    def _keep_needs_lock(self, silence: Silence, now: datetime) -> None:
        left = (silence.until_at - max(now, silence.set_at)).total_seconds()
        self._known[silence.key] = silence, self._elapsed() + left

    def _last_needs_lock(self, key: str, now: datetime) -> Silence | None:
        silence, ends = self._known.get(key, (None, 0.0))
        if silence is not None and silence.is_active(now) and self._elapsed() >= ends:
            return self._end_needs_lock(silence, now)  # the clock was set back
        return silence

    def _end_needs_lock(self, silence: Silence, now: datetime) -> Silence:
        ended = replace(silence, until_at=now, revision=silence.revision + 1)
        self._known[silence.key] = ended, self._elapsed()
        return ended
