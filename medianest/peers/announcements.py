"""News for all processes of a host, and who has heard them."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from medianest.peers.membership import called
from medianest.peers.messages import Heard, News

__all__ = ["Announcements", "Reached"]


_TIMES: Final = 5

Handler = Callable[[Callable[[], None]], None]
"""Does something, and then calls what it is given, if it could be done."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Whom some news has reached in time: how many processes, of how many, and who was silent."""

    processes: int = 1
    of: int = 1
    silent: tuple[str, ...] = ()


class Announcements:
    """`others()` are the names of the other processes now; `send(message)` tells all of them, and
    `send(message, to)` one. `tell()` has this process say how it is, so that whoever knows that
    something is done also knows what came of it. Thread-safe."""

    def __init__(
        self,
        others: Callable[[], Collection[str]],
        send: Callable[..., object],
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        self._others, self._send, self._say_how_it_is = others, send, tell
        self.begin_anew()
        self._handlers: dict[str, Handler] = {}
        self._threads: list[_InThread] = []

    def begin_anew(self) -> None:
        """In a process that was forked: another thread may have been at it, and is not there."""
        self._awaited: dict[str, set[str]] = {}
        self._changed = threading.Condition()

    def on(self, topic: str, act: Callable[[], bool], *, takes_time: bool = False) -> None:
        """Have `act` done when another process has such news; it returns whether it could be done.
        In the listening thread, or where that takes time in one of its own, one at a time."""
        if not takes_time:
            self._handlers[topic] = _at_once(act)
            return
        self._threads.append(thread := _InThread(act))
        self._handlers[topic] = thread.start

    def announce(self, topic: str, seconds: float) -> Reached:
        """Tell all, and wait until they have done what is to be done, or for so many seconds."""
        others = set(self._others())
        if not others:
            return Reached()
        self._say_how_it_is()
        key, silent = secrets.token_hex(8), set(others)
        with self._changed:
            self._awaited[key] = silent
        try:
            self._tell(News(topic, key), silent, seconds)
        finally:
            with self._changed:
                del self._awaited[key]
        of = len(others) + 1
        return Reached(of - len(silent), of, tuple(sorted(map(called, silent))))

    def _tell(self, news: News, silent: set[str], seconds: float) -> None:
        """More than once: who is busy has room for a few messages only."""
        for _ in range(_TIMES):
            with self._changed:
                untold = tuple(silent)
            for each in untold:
                self._send(news, each)
            with self._changed:
                if self._changed.wait_for(lambda: not silent, seconds / _TIMES):
                    return

    def alone(self) -> Reached:
        """What there is to say when the others cannot be told."""
        others = self._others()
        return Reached(1, len(others) + 1, tuple(sorted(map(called, others))))

    def catch_up(self) -> None:
        """Do whatever news may have asked for: none was heard for a time."""
        for act in list(self._handlers.values()):
            act(lambda: None)

    def stop(self, seconds: float) -> None:
        """When nothing is heard any more: wait until all is done that was begun, or for so many
        seconds each."""
        for each in self._threads:
            each.join(seconds)

    def hear(self, sender: str, message: News | Heard) -> None:
        """One of the others has news, or has heard ours."""
        if isinstance(message, News):
            act = self._handlers.get(message.topic)
            if act is not None:
                act(lambda: self._answer(message, sender))
            return
        with self._changed:
            awaited = self._awaited.get(message.key)
            if awaited is not None:
                awaited.discard(sender)
                self._changed.notify_all()

    def _answer(self, news: News, to: str) -> None:
        self._say_how_it_is()
        self._send(Heard(news.key), to)


def _at_once(act: Callable[[], bool]) -> Handler:
    def handle(done: Callable[[], None]) -> None:
        if act():
            done()

    return handle


class _InThread:
    """News that comes while the last is acted upon is dropped: it is said again."""

    def __init__(self, act: Callable[[], bool]) -> None:
        self._act = act
        self._thread: threading.Thread | None = None

    def start(self, done: Callable[[], None]) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._run, args=(done,), name="medianest-news", daemon=True
            )
            self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for its end, if it runs."""
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self, done: Callable[[], None]) -> None:
        if self._act():
            done()
