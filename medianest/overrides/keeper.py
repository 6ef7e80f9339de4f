"""Overrides as desired state: kept before they are answered, obeyed by every process of a host."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from medianest.jobs import Job
from medianest.overrides.file import OverrideFile, OverrideFileError
from medianest.overrides.memory import OverrideMemory
from medianest.overrides.override import Action, Kept, Override
from medianest.overrides.words import LastWords
from medianest.resilience import CallRefusedError, CircuitBreaker, Deadline, Registry, State
from medianest.resilience.events import BreakerAdded, breaker_added
from medianest.resilience.options import MAX_SECONDS
from medianest.storage import StorageError

if TYPE_CHECKING:
    from medianest.overrides.store import OverrideStore
    from medianest.peers.announcements import Reached
    from medianest.peers.host import HostPeers

__all__ = ["OverrideKeeper"]

logger = logging.getLogger(__name__)

_AT_ONCE = 0.5
"""How long an operator waits for the copy in the database, in seconds."""
_FOLLOW_SECONDS = 1.0
_TOPIC = "overrides"
_ACKNOWLEDGED_WITHIN = 0.25
"""How long an operator waits for the other processes of the host, in seconds."""
_STATES = {"open": State.FORCED_OPEN, "disable": State.DISABLED}


class OverrideKeeper:
    """Keeps what operators want of the breakers of a registry, and obeys it. Thread-safe.

    The file comes first, as it works without the database; then the breaker; then the database,
    for when the file is lost. The highest revision of them all counts. Nothing here is done with
    a lock of the registry or of a breaker held. Without a `store` there is no copy; `peers` are
    the other processes of the host, which otherwise look at the file once a second.
    """

    def __init__(
        self,
        registry: Registry,
        file: OverrideFile | OverrideMemory,
        store: OverrideStore | None = None,
        peers: HostPeers | None = None,
    ) -> None:
        self._registry, self._clock = registry, registry.clock
        self._file, self._store, self._peers = file, store, peers
        if peers is not None:
            peers.announcements.on(_TOPIC, self._obeys)
        self._at_once = Deadline(_AT_ONCE, name="overrides", clock=self._clock)
        self._has_begun = False
        self._words = LastWords(self._clock)
        self._began_at = self._clock.utc()
        self._tell: Callable[[], None] = lambda: None
        self._due: deque[str] = deque()
        """Breakers that have not obeyed yet."""
        self._in_force: dict[str, tuple[Override, float]] = {}
        """What breakers obey now, and until when, by the monotonic clock."""
        self._seen: tuple[int, ...] | None = None
        self.problem: str | None = None
        """Why the file does not hold all that is known."""
        breaker_added.connect(self._on_added)

    def jobs(self, interval: float) -> list[Job]:
        """What is done beside the requests; the copies are compared every `interval` seconds."""
        obey = Job(
            name="obey overrides",
            run=self.follow,
            every=_FOLLOW_SECONDS,
            at_start=self.follow,  # more may have been said since the app was made
            must_go_on=True,
        )
        if self._store is None:
            return [obey]
        return [obey, Job(name="keep overrides", run=self.sync, every=interval, needs_tables=True)]

    def act(
        self,
        breaker: str,
        action: Action,
        *,
        reason: str | None = None,
        actor: str | None = None,
        expires_in: float | None = None,
    ) -> Kept:
        """Keep what an operator wants and obey it, also where it cannot be kept; `expires_in` is
        in seconds."""
        self.follow()  # a revision must be higher than those that others have given
        now = self._clock.utc()
        expires_at = None if expires_in is None else now + timedelta(seconds=expires_in)
        override = self._words.say(Override(breaker, action, 1, now, expires_at, reason, actor))
        problem = self._write()
        self._due.append(breaker)
        self._obey_due()
        self._tell()
        reached = self._announce(problem)
        is_in_file = problem is None and self._file.outlives_process
        return Kept(is_in_file, self._is_stored(override), problem, reached)

    def _announce(self, problem: str | None) -> Reached | None:
        if self._peers is None or self._peers.problem is not None:
            return None
        told = self._peers.announcements
        # What is not written nobody else can obey.
        return told.alone() if problem else told.announce(_TOPIC, _ACKNOWLEDGED_WITHIN)

    def _obeys(self) -> bool:
        self.follow()
        return self.problem is None

    def follow(self) -> None:
        """Obey what the file says, and end what has expired. Asks no database, raises nothing."""
        self._expire()
        signature = self._file.signature()
        is_lost = signature is None and bool(self.words())
        if signature != self._seen or is_lost or self.problem is not None:
            self._seen = signature
            self._read()
        self._has_begun = True
        self._obey_due()

    def sync(self) -> None:
        """Learn from the database what the file has lost, and give it what it lacks. Raises the
        errors of medianest.storage.errors."""
        if self._store is None:
            return
        stored, now = self._store.all(), self._clock.utc()
        if self._learn(stored, news=False):
            self._write()
            self._tell()
        self._obey_due()
        self._store.forget([each for each in stored if each.is_forgettable(now)])
        self._store.put(sorted(set(self.words()) - set(stored), key=_name_of))

    def active(self) -> list[Override]:
        """Those that last now, by the name of the breaker, which may be gone."""
        now = self._clock.utc()
        return [each for each in self.words() if each.is_active(now)]

    # -- what is known -------------------------------------------------------------------------

    def words(self) -> list[Override]:
        """All that is known, with what has ended, by the names of the breakers."""
        return self._words.worth_keeping()

    def merge(self, found: Iterable[Override]) -> int:
        """Take over what other hosts have said, obey it, and have the other processes of this host
        obey; how many words were newer."""
        newer = sum(self._learn([each], news=each.at >= self._began_at) for each in found)
        if newer:
            problem = self._write()
            self._obey_due()
            self._announce(problem)
        return newer

    def on_news(self, tell: Callable[[], None]) -> None:
        """Have `tell` called when this host has something to say to others; it may wait for
        nothing."""
        self._tell = tell

    def _learn(self, found: Iterable[Override], *, news: bool) -> int:
        newer = self._words.learn(found, news=news)
        self._due.extend(newer)
        return len(newer)

    # -- the copies ----------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            found = self._file.read()
        except OverrideFileError as error:
            self._say(str(error))
            return
        if self._learn(found, news=self._has_begun):
            self._tell()
        if set(self.words()) <= set(found):
            self._say(None)
        else:  # somebody has removed or damaged it, or it could not be written before
            self._write()

    def _write(self) -> str | None:
        """Why it could not be written."""
        problem = None
        try:
            self._file.update(self._merged)
        except OverrideFileError as error:
            problem = str(error)
        self._say(problem)
        return problem

    def _merged(self, found: list[Override]) -> list[Override]:
        self._learn(found, news=True)
        return self.words()

    def _say(self, problem: str | None) -> None:
        """Once: it is tried again and again."""
        if problem is not None and problem != self.problem:
            logger.warning("overrides are not kept: %s", problem)
        elif problem is None and self.problem is not None:
            logger.warning("overrides are kept again in %s", self._file.path)
        self.problem = problem

    def _is_stored(self, override: Override) -> bool:
        if self._store is None:
            return False
        try:
            with self._at_once.scope():
                self._store.put([override])
        except (StorageError, CallRefusedError) as error:
            logger.debug("the override of %s waits for the database: %s", override.breaker, error)
            return False
        return True

    # -- the breakers --------------------------------------------------------------------------

    def _on_added(self, event: BreakerAdded) -> None:
        """A breaker that is made later obeys from its first call."""
        override = self._words.get(event.name)
        if override is not None and override.is_active(self._clock.utc()):
            self._obey(event.name)

    def _obey_due(self) -> None:
        while self._due:
            try:
                name = self._due.popleft()
            except IndexError:  # another thread was quicker
                return
            self._obey(name)

    def _obey(self, name: str) -> None:
        """Until nothing newer has come: of two threads, the one with the older word may be last."""
        obeyed = None
        while (override := self._words.get(name)) is not obeyed:
            breaker = self._registry.find_breaker(name)
            if breaker is None or override is None:
                self._in_force.pop(name, None)
                return
            self._apply(breaker, override)
            obeyed = override

    def _apply(self, breaker: CircuitBreaker, override: Override) -> None:
        name, now = override.breaker, self._clock.utc()
        if not override.is_active(now):
            was_in_force = self._in_force.pop(name, None) is not None
            # What was over when this process began is nothing to it: settings may have disabled.
            if was_in_force or self._words.is_news(override):
                self._end(breaker, override)
            return
        known, until = self._in_force.get(name, (None, 0.0))
        if known == override and breaker.state is _STATES[override.action]:
            return
        left = override.remaining(now)
        left = None if left is None else min(left, MAX_SECONDS)
        until = math.inf if left is None else self._clock.now() + left
        self._in_force[name] = override, until
        act = breaker.open if override.action == "open" else breaker.disable
        act(override.reason, expires_in=left, actor=override.actor)

    def _end(self, breaker: CircuitBreaker, override: Override) -> None:
        if override.action in _STATES:  # it has expired
            breaker.enable()
        else:
            getattr(breaker, override.action)(override.reason, actor=override.actor)

    def _expire(self) -> None:
        """An override ends at its time of day, or when it has lasted as long as was asked for,
        whatever the clock was set to meanwhile."""
        now = self._clock.utc()
        for name, (override, until) in list(self._in_force.items()):
            if not override.is_active(now):
                self._due.append(name)
            elif self._clock.now() >= until:
                # It must not begin again with the next process, whose clock says that it lasts.
                revision = override.revision + 1
                self._learn([replace(override, expires_at=now, revision=revision)], news=True)
                self._write()


def _name_of(override: Override) -> str:
    """An order for all, so that no two processes wait for each other's rows."""
    return override.breaker
