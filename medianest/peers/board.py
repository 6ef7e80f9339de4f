"""What the processes of a host show each other: documents by topic, in files of their folder.

Who wants to know announces the topic; each process writes what it has to show, and says so. While
somebody looks now and then, each also writes twice a second, so that little is lost with a process
that is killed. While nobody does, nothing is written.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from medianest.jobs import Job
from medianest.peers.host import HostPeers
from medianest.peers.posts import RETIRED, Post, Posts
from medianest.peers.retirement import Fold, Retirement
from medianest.resilience import Clock

__all__ = ["Board", "Gathered"]

logger = logging.getLogger(__name__)

_PATIENCE: Final = 0.25
"""Seconds after which whoever has not answered is taken by what it has shown last."""
_EVERY: Final = 0.5
_WATCHED: Final = 60.0
"""Seconds since a look in which there may be another."""
_FRESH: Final = 0.05
"""Seconds in which a document is not made anew: news is told more than once."""
_TIMES: Final = 10


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the processes of a host have shown: `mine` is the document of this one, `others` are
    those of the others that live, `dead` those of processes that have died since, and `retired` is
    what was kept of the dead before. Who was `silent` has shown it before, if at all."""

    mine: Any
    others: tuple[Post, ...] = ()
    dead: tuple[Post, ...] = ()
    retired: Any = None
    silent: tuple[str, ...] = ()

    @property
    def is_alone(self) -> bool:
        """Whether there is nothing but what this process knows."""
        return not self.others and not self.dead and self.retired is None


class _Topic:
    """A topic of a board: what makes the document of this process, and its files."""

    def __init__(self, make: Callable[[], Any], posts: Posts, retirement: Retirement) -> None:
        self.make, self.posts, self.retirement = make, posts, retirement
        self.watched_until = -math.inf
        self.latest: Post | None = None
        """What this process has shown last."""
        self.lock = threading.Lock()
        self.is_hurried = False
        self.is_alone = True
        self.problems: dict[str, str] = {}
        """What cannot be done now, and why."""


class Board:
    """Topics that the processes of `peers` share in `folder`. `server()` names those that began
    together: what others have left is nobody's. `is_one_of_several()`: whether there will be others
    where there are none now. Thread-safe; a process that is forked has none before its `start()`.
    """

    def __init__(
        self,
        peers: HostPeers,
        folder: Path,
        clock: Clock,
        server: Callable[[], str] = lambda: "",
        is_one_of_several: Callable[[], bool] = lambda: False,
    ) -> None:
        self._peers, self._folder, self._clock = peers, folder, clock
        self._server, self._is_one_of_several = server, is_one_of_several
        self._topics: dict[str, _Topic] = {}
        self._pid: int | None = None
        """The process that takes part; None: nobody does."""

    def add(self, topic: str, make: Callable[[], Any], fold: Fold | None = None) -> None:
        """Have a topic, before the start. `make()` gives the document of this process, for JSON; it
        is called in the listening thread, too. `fold(retired, document)` gives what is kept of the
        dead with that document added, and raises ValueError where that is none; without it nothing
        is kept of them."""
        posts = Posts(self._folder, topic)
        retirement = Retirement(self._folder, posts, fold)
        self._topics[topic] = _Topic(make, posts, retirement)
        self._peers.announcements.on(_news(topic), lambda: self._heard(topic))

    # -- its life ----------------------------------------------------------------------------------

    def job(self) -> Job:
        """What is done beside the requests; it ends before that of the peers."""
        return Job(
            name="show the other workers the figures of this one",
            run=self.look,
            every=_EVERY,
            at_start=self.start,
            at_end=self.stop,
            must_go_on=True,
        )

    def start(self) -> None:
        """Take part from now on."""
        self._pid = os.getpid()

    def stop(self) -> None:
        """Show everything for the last time. What was written after that would count twice: it
        has been kept by then as a dead process's."""
        for topic in self._topics:
            self.publish(topic)
        self._pid = None
        for known in self._topics.values():
            with suppress(TimeoutError), _soon(known.lock):
                pass  # whoever was at it has ended

    def look(self) -> None:
        """Show what is watched, and have the elected process keep what the dead have shown."""
        name = self._name()
        if name is None:
            return
        now = self._clock.now()
        for topic, known in self._topics.items():
            if now < known.watched_until:
                self.publish(topic)
            if self._peers.is_elected:
                self._retire_dead(topic, known, now)

    def _retire_dead(self, topic: str, known: _Topic, now: float) -> None:
        what = f"what dead workers have left of {topic} is not kept"
        try:
            known.retirement.fold(self._server(), now)
        except (OSError, ValueError) as error:
            _complain(known, what, error)
        else:
            known.problems.pop(what, None)

    # -- what is shown -----------------------------------------------------------------------------

    def publish(self, topic: str) -> bool:
        """Show the document of this process as it is now; whether others can see it. Where there
        are none, nothing is made and nothing written."""
        name = self._name()
        if name is None:
            return False
        return not self._is_seen(self._peers.look()) or self._publish(topic, name) is not None

    def hurry(self, topic: str) -> None:
        """Something has just changed: who watches is to see it at once. Waits for nothing."""
        known = self._topics[topic]
        known.latest = None
        if self._clock.now() < known.watched_until and not known.is_hurried:
            known.is_hurried = True
            self._peers.later(lambda now: self._publish_changed(topic))

    def _publish_changed(self, topic: str) -> None:
        self._topics[topic].is_hurried = False
        self.publish(topic)

    @property
    def is_elected(self) -> bool:
        """Whether this process does what only one of the host need do."""
        return self._peers.is_elected

    @property
    def has_company(self) -> bool:
        """Whether others live who show something, too."""
        return self._name() is not None and bool(self._peers.look())

    def is_alone(self, topic: str) -> bool:
        """Whether nobody else has anything to show, or had."""
        if self._name() is None:
            return True
        known = self._topics[topic]
        with suppress(OSError):  # it cannot be told now, and is as it was
            known.is_alone = not known.posts.names()
        return known.is_alone and not self.has_company

    def gather(self, topic: str, younger_than: float = 0.0) -> Gathered:
        """What all show, asked now, in a quarter of a second at most. What is younger than so many
        seconds is not asked for. Raises OSError where it cannot be read now."""
        known, name = self._topics[topic], self._name()
        if name is None:
            return Gathered(known.make())
        asked_at = self._clock.now()
        known.watched_until = asked_at + _WATCHED
        others, post = self._peers.look(), known.latest
        if post is None or post.at <= asked_at - younger_than:
            post = self._publish(topic, name) if self._is_seen(others) else None
        mine = post.document if post is not None else known.make()
        found = self._read(known, name, mine)
        if not others or _are_all_since(asked_at - younger_than, found, len(others)):
            return found
        reached = self._peers.announcements.announce(_news(topic), _PATIENCE)
        return replace(self._read(known, name, mine), silent=reached.silent)

    def _is_seen(self, others: frozenset[str]) -> bool:
        return bool(others) or self._is_one_of_several()

    def _publish(self, topic: str, name: str) -> Post | None:
        known, what = self._topics[topic], f"other workers cannot see the {topic} of this one"
        try:
            with _soon(known.lock):  # or the older one of two may be written last
                if self._name() != name:
                    return None  # it has ended meanwhile
                post = Post(name, self._server(), self._clock.now(), known.make())
                known.posts.write(post)
                known.latest = post
        except TimeoutError:
            return None  # another thread is still at it, and says what is wrong, if anything is
        except Exception as error:  # of whatever makes it
            _complain(known, what, error)
            return None
        known.problems.pop(what, None)
        return post

    def _heard(self, topic: str) -> bool:
        """Somebody looks."""
        known, now = self._topics[topic], self._clock.now()
        known.watched_until = now + _WATCHED
        is_fresh = known.latest is not None and now - known.latest.at < _FRESH
        return is_fresh or self.publish(topic)

    # -- what others show --------------------------------------------------------------------------

    def _read(self, known: _Topic, name: str, mine: Any) -> Gathered:
        """Who dies meanwhile is read, or kept, and not both: what is kept is read before, and is
        still the same afterwards."""
        for _ in range(_TIMES):
            mark = known.posts.mark(RETIRED)
            shown = self._read_once(known, name, mine)
            if known.posts.mark(RETIRED) == mark:
                break
        return shown

    def _read_once(self, known: _Topic, name: str, mine: Any) -> Gathered:
        server = self._server()
        kept = known.retirement.kept(server)
        living = self._peers.look()
        passed = {name, RETIRED, *(() if kept is None else kept.folded)}
        names = [each for each in known.posts.names() if each not in passed]
        found = [post for each in names if (post := known.posts.read(each)) is not None]
        return Gathered(
            mine,
            tuple(post for post in found if post.name in living),
            tuple(post for post in found if post.name not in living and post.server == server),
            None if kept is None else kept.document,
        )

    def _name(self) -> str | None:
        """Of this process among the others; None: it is on its own."""
        if self._pid != os.getpid():
            return None
        members = self._peers.members()
        return members[0] if members else None


def _news(topic: str) -> str:
    return f"board {topic}"


def _complain(known: _Topic, what: str, error: Exception) -> None:
    """Once: it is tried again and again."""
    why = str(error)
    if known.problems.get(what) != why:
        logger.warning("%s: %s", what, why)
    known.problems[what] = why


def _are_all_since(instant: float, shown: Gathered, others: int) -> bool:
    return len(shown.others) == others and all(post.at > instant for post in shown.others)


@contextmanager
def _soon(lock: threading.Lock) -> Iterator[None]:
    """Hold it; who waits for others that make something waits no longer than for processes."""
    if not lock.acquire(timeout=_PATIENCE):
        raise TimeoutError
    try:
        yield
    finally:
        lock.release()
