"""The last word on each breaker, as far as this process knows."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

from medianest.overrides.override import Override
from medianest.resilience import Clock

__all__ = ["LastWords"]


class LastWords:
    """Of two words on one breaker the one of the higher rank stays. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, Override] = {}
        self._news: dict[str, int] = {}
        """Revisions of what was said since this process began."""
        self._lock = threading.Lock()

    def get(self, breaker: str) -> Override | None:
        """That on one breaker."""
        return self._known.get(breaker)

    def is_news(self, override: Override) -> bool:
        """Whether it was said since this process began."""
        return self._news.get(override.breaker) == override.revision

    def say(self, draft: Override) -> Override:
        """Make it the last word, with a revision above all that is known."""
        with self._lock:
            known = self._known.get(draft.breaker)
            # By the time of day, so that it stays the highest also when every copy was lost.
            revision = int(draft.at.timestamp() * 1000)
            if known is not None:
                revision = max(revision, known.revision + 1)
            override = self._known[draft.breaker] = replace(draft, revision=max(1, revision))
            self._news[draft.breaker] = override.revision
        return override

    def learn(self, found: Iterable[Override], *, news: bool) -> list[str]:
        """Take over what is newer than what is known; on which breakers that was."""
        now, newer = self._clock.utc(), []
        with self._lock:
            for override in found:
                known = self._known.get(override.breaker)
                is_newer = known is None or override.rank > known.rank
                if is_newer and not override.is_forgettable(now):
                    self._known[override.breaker] = override
                    newer.append(override.breaker)
                    if news:
                        self._news[override.breaker] = override.revision
        return newer

    def worth_keeping(self) -> list[Override]:
        """Those that somebody may still need to know, by the names of the breakers."""
        now = self._clock.utc()
        with self._lock:
            for override in [each for each in self._known.values() if each.is_forgettable(now)]:
                del self._known[override.breaker]
            return [self._known[name] for name in sorted(self._known)]
