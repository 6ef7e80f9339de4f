"""The connection of a host to what all hosts have in common: one process of the host has it."""

from __future__ import annotations

import logging
import os
import random
import select
import threading
import weakref
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from medianest.cluster.exchange import Exchange
from medianest.cluster.openings import Breakers, Openings
from medianest.cluster.standing import Standing
from medianest.cluster.tier import Tier, TierError
from medianest.jobs import Job
from medianest.overrides.keeper import OverrideKeeper
from medianest.peers.wakeup import WakeUp
from medianest.resilience import CircuitBreakerOptions, Deadline, Registry
from medianest.resilience.circuit_breaker.trip_rules import open_for

__all__ = ["HostLink"]

logger = logging.getLogger(__name__)

_LOOK: Final = 1.0
"""Seconds between two looks at what nobody was woken for."""
_PAUSE: Final = 0.02
"""Seconds between two looks at least, however often others wake this host."""
_WITHIN: Final = 1.0
"""Seconds that an answer may take."""
_BACKOFF: Final = CircuitBreakerOptions(
    reset_timeout=0.1, backoff_factor=2, max_reset_timeout=0.5, jitter=0.2
)
"""From one try to connect to the next: so short that two seconds after its return all is as
before, however long a try takes."""
_END: Final = 2 * _WITHIN


class HostLink:
    """Keeps the overrides of this host and of all others the same, and tells each of the breakers
    that are open on the others, while `is_elected()` says that it is for this process to do.
    `registry` has the breakers of the process, `breakers` those of the host, which the others know
    as `host()`. All that waits for the tier is done in a thread of its own. Thread-safe."""

    def __init__(
        self,
        tier: Tier,
        keeper: OverrideKeeper,
        registry: Registry,
        is_elected: Callable[[], bool],
        breakers: Breakers,
        host: Callable[[], str],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._tier, self._is_elected = tier, is_elected
        self._clock, self._chance = registry.clock, chance
        self._within = Deadline(_WITHIN, name="cluster", clock=self._clock)
        self._exchange = Exchange(tier, keeper, registry, self._within)
        self._begin = partial(Openings, tier, breakers, registry, host, self._within)
        self._thread: threading.Thread | None = None
        self._wakeup: WakeUp | None = None
        self._ends = threading.Event()
        self._connected = False
        self._failures = self._losses = 0
        self._lost_since: datetime | None = None
        self._problem: str | None = None
        keeper.on_news(self._call)
        breakers.on_news(self._call)

    @property
    def name(self) -> str:
        """Through what hosts know of each other."""
        return self._tier.name

    @property
    def problem(self) -> str | None:
        """Why that is lost; None: it is not, or another process sees to it."""
        return self._problem if self._is_held else None

    @property
    def lost_since(self) -> datetime | None:
        """Since when, in UTC."""
        return self._lost_since if self._is_held else None

    @property
    def standing(self) -> Standing:
        """How it stands now; asks nobody."""
        exchange = self._exchange
        return Standing(
            tier=self._tier.name,
            is_held=self._is_held,
            connected=self._connected,
            lost_since=self._lost_since,
            problem=self._problem,
            losses=self._losses,
            looks=exchange.looks,
            learned=exchange.learned,
            told=exchange.told,
            damaged=exchange.damaged,
        )

    @property
    def _is_held(self) -> bool:
        return self._thread is not None and not self._ends.is_set()

    # -- its life ----------------------------------------------------------------------------------

    def job(self) -> Job:
        """What is done beside the requests."""
        return Job(
            name="hear the other hosts",
            run=self.look,
            every=_LOOK,
            at_start=self.look,
            at_end=self.stop,
            must_go_on=True,
        )

    def look(self) -> None:
        """Hold the connection or not, as it is for this process to do."""
        if not self._is_elected():
            self.stop()
        elif self._thread is None or not self._thread.is_alive():
            self._start()

    def stop(self) -> None:
        """Let it go, within two seconds whatever hangs."""
        if self._is_held and self._thread is not None:
            self._ends.set()
            self._call()
            self._thread.join(_END)

    def begin_anew(self) -> None:
        """In a process that was forked: what was inherited is the other's."""
        if self._thread is None:
            return
        self._thread = None
        wakeup, self._wakeup = self._wakeup, None
        if wakeup is not None:
            wakeup.close()
        self._connected = False
        self._tier.abandon()

    def _start(self) -> None:
        self._ends, self._wakeup = threading.Event(), WakeUp()
        arguments = self._ends, self._wakeup
        self._thread = threading.Thread(
            target=self._run, args=arguments, name="medianest-cluster", daemon=True
        )
        _living.add(self)
        self._thread.start()

    def _call(self) -> None:
        wakeup = self._wakeup
        if wakeup is not None:
            wakeup.call()

    # -- its thread --------------------------------------------------------------------------------

    def _run(self, ends: threading.Event, wakeup: WakeUp) -> None:
        openings = self._begin()
        while not ends.is_set():
            began = self._clock.now()
            try:
                self._go_on(ends, wakeup, openings)
            except TierError as error:
                self._lose(str(error))
            except Exception as error:
                self._lose(f"it failed: {type(error).__name__}", error)
            took = 0.0 if self._connected else self._clock.now() - began
            self._connected = False
            self._tier.close()
            if self._problem is not None:  # who has waited for an answer in vain has waited enough
                pause = open_for(_BACKOFF, self._failures, self._chance())
                ends.wait(max(0.0, pause - took))
        wakeup.close()

    def _go_on(self, ends: threading.Event, wakeup: WakeUp, openings: Openings) -> None:
        """Look again and again, until the end or TierError."""
        with self._within.scope():
            self._tier.connect()
        is_news = False
        while not ends.is_set():
            self._exchange.look(is_news=is_news)
            openings.look()
            self._regain()
            is_news = self._wait(ends, wakeup)

    def _wait(self, ends: threading.Event, wakeup: WakeUp) -> bool:
        """Until somebody wakes this host, or it is time to look; whether it has news itself."""
        poll = select.poll()
        for each in (wakeup.fileno(), self._tier.fileno()):
            if each >= 0:
                poll.register(each, select.POLLIN)
        until = self._clock.now() + _LOOK
        while (left := until - self._clock.now()) > 0 and not ends.wait(_PAUSE):
            if self._is_woken():  # what comes while it is asked something cannot be read any more
                return False
            ready = {each for each, _ in poll.poll(left * 1000)}
            if wakeup.fileno() in ready:
                wakeup.answer()
                return True
            if self._is_woken():
                return False
        return False

    def _is_woken(self) -> bool:
        with self._within.scope():
            return self._tier.is_woken()

    def _regain(self) -> None:
        if self._problem is not None:
            logger.warning("the other hosts can be heard again by %s", self._tier.name)
        self._failures, self._problem, self._lost_since = 0, None, None
        self._connected = True

    def _lose(self, problem: str, error: Exception | None = None) -> None:
        """Said once: it is tried again and again."""
        if self._problem is None:
            name = self._tier.name
            logger.warning(
                "the other hosts cannot be heard by %s: %s", name, problem, exc_info=error
            )
            self._losses += 1
            self._lost_since = self._clock.utc()
        self._problem, self._failures = problem, self._failures + 1


_living: weakref.WeakSet[HostLink] = weakref.WeakSet()


def _begin_anew() -> None:
    for each in list(_living):
        each.begin_anew()


os.register_at_fork(after_in_child=_begin_anew)
