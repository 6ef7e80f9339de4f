"""A circuit breaker that several processes share: how they come to one judgement of it.

Each opens its own by its own calls. When a call fails while others have failed, too, it asks what
they have seen, and opens for all when the rule holds for everything together. Who opens all alone
stays alone. After that the wait, the number of openings and the probes are everybody's.

Pure: it is told what happens and at what time, and sends messages. One thread runs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from medianest.peers.counts import Counts
from medianest.peers.elsewhere import OtherHosts
from medianest.peers.messages import (
    Elsewhere,
    Failed,
    OfBreakers,
    Passed,
    Shown,
    Standing,
    WantsProbe,
)
from medianest.resilience import CircuitBreaker
from medianest.resilience.circuit_breaker.evidence import Evidence, joint_verdict
from medianest.resilience.circuit_breaker.joint import Opening

__all__ = ["PATIENCE", "SharedBreaker"]

PATIENCE: Final = 0.25
"""Seconds after which whoever has not answered does not count."""

_TIMES: Final = 10
"""How often it is told that a breaker is closed again. Who has missed all of them says that it is
open, and is told then."""

_AGAIN: Final = 0.5
"""Seconds between two wishes to probe: some of the time for which one counts."""

_EVERY, _BURST = 0.05, 4.0
"""Seconds between two questions, in the long run; and how many may be asked at once."""


class SharedBreaker:
    """One process's part of it. `me` is the name of this process, `others()` those of the others
    that live; `send(message)` tells all of them, `send(message, to)` one, and returns whether it is
    there. Votes are counted."""

    def __init__(
        self,
        breaker: CircuitBreaker,
        me: str,
        others: Callable[[], Collection[str]],
        send: Callable[..., bool],
        counts: Counts | None = None,
    ) -> None:
        self.breaker = breaker
        self.standing = Standing(breaker.name)
        self.hosts = OtherHosts()
        self._me, self._others, self._send = me, others, send
        self._counts = counts if counts is not None else Counts()
        self._heard: dict[str, tuple[Evidence, float]] = {}
        """What each of the others has said last, and when."""
        self._asked_at: float | None = None
        """Since when answers are awaited."""
        self._silent: set[str] = set()
        """Who has not answered in the last vote."""
        self._tokens, self._filled_at = _BURST, -math.inf
        self._times = 0
        """How often it is still told that it is closed."""
        self.owes = False
        """Whether a failure was not told, as there were too many."""
        self._overdue = 0
        self._passed: dict[str, int] = {}
        """How many probes of each of the others have succeeded in this round."""

    # -- what happens here -------------------------------------------------------------------------

    @property
    def is_waiting(self) -> bool:
        """Whether it has to look at the time soon."""
        return self._asked_at is not None or self.owes or self.breaker.joint.may_hang

    def failed(self, now: float) -> None:
        """A call of this process has failed, or was slow, or still is."""
        self.owes = not self._may_speak(now)
        if not self.owes:
            asks = self._others_failed(now)
            if asks:
                self._ask(now)
            self._send(Failed(self.breaker.name, self.breaker.joint.evidence(), asks))
            if asks and not self._awaited():
                self._judge(now)

    def opened(self, now: float) -> None:
        """It has opened by the calls of this process, or anew by one of its probes."""
        opening = self.breaker.joint.opening()
        if opening is None or opening == self.standing.opening:
            return
        if self.standing.opening is not None or not self._others():
            # It was open for all, and a probe of ours failed; or nobody else is there to judge.
            self._stand(Standing(self.breaker.name, self.standing.number + 1, self._me, opening))
        else:
            self._ask(now)
            self._send(Failed(self.breaker.name, self.breaker.joint.evidence(), asks=True))

    def passed(self) -> None:
        """A probe of this process has succeeded."""
        if self.standing.opening is not None:
            number = self.breaker.joint.passed_here()
            self._send(Passed(self.breaker.name, self.standing.number, number))

    def closed(self) -> None:
        """It has closed: enough probes have succeeded, or an operator has said so."""
        if self.standing.opening is not None:
            self._stand(Standing(self.breaker.name, self.standing.number + 1, self._me))

    def wanted(self, now: float) -> bool:
        """A call was refused only because it is for another host to probe; whether that is news."""
        is_news = now - self.hosts.wanted_at >= _AGAIN
        if is_news:
            self.hosts.wanted_at = now
            self._send(WantsProbe(self.breaker.name))
        return is_news

    # -- what is known of other hosts --------------------------------------------------------------

    def probe_now(self, now: float) -> None:
        """The dependency has come back for another host: wait no longer."""
        opening = self.standing.opening
        if opening is not None and opening.until > now:
            self._stand_open(replace(opening, until=now))

    def restore(self, opening: Opening, now: float) -> None:
        """It was open on this host before all its processes were started anew. Not if it is heard
        late, and calls have succeeded here meanwhile."""
        if self.standing.number == 0 and not self.breaker.joint.evidence().successes:
            self._stand_open(opening if opening.until > now else replace(opening, until=now))

    def _stand_open(self, opening: Opening) -> None:
        self._stand(Standing(self.breaker.name, self.standing.number + 1, self._me, opening))
        self.breaker.joint.follow(opening)

    # -- what is done together ---------------------------------------------------------------------

    def rounds(self, now: float) -> tuple[str, ...]:
        """Which probes are counted together: those of the first are to be taken, and those of the
        second may still be out. None: it is open alone, or not at all. What a process that stands
        still has taken is nobody's loss for longer than two probes may take."""
        opening = self.standing.opening
        if opening is None:
            return ()
        span = max(0, int((now - opening.until) // self.breaker.options.half_open_timeout))
        spans = (span, span - 1) if span else (span,)
        return tuple(f"{self.standing.number}.{self.standing.by}.{each}" for each in spans)

    def tick(self, now: float) -> None:
        """Time has passed."""
        if self._asked_at is not None and now - self._asked_at >= PATIENCE:
            self._judge(now)
        if self.owes or self._hangs():
            self.failed(now)

    def _hangs(self) -> bool:
        """Whether more calls than before are slow, and have not returned."""
        before = self._overdue
        may_hang = self.breaker.joint.may_hang
        self._overdue = self.breaker.joint.evidence().overdue if may_hang else 0
        return self._overdue > before

    def tell(self, to: str | None = None) -> bool:
        """Say how it stands, for those who have missed it; whether all of it is there."""
        is_there = True
        is_news = self.standing.opening is not None or self._times > 0
        if self.standing.number and (is_news or to is not None):
            self._times -= 1
            is_there = self._send(self.standing, to)
        if self.standing.opening is not None and (number := self.breaker.joint.passed_here()):
            is_there &= self._send(Passed(self.breaker.name, self.standing.number, number), to)
        return is_there

    # -- what others say ---------------------------------------------------------------------------

    def hear(self, sender: str, message: OfBreakers, now: float) -> None:
        """One of the others says something."""
        if isinstance(message, Failed):
            self._hear_failed(sender, message, now)
        elif isinstance(message, Shown):
            self._hear_shown(sender, message, now)
        elif isinstance(message, Passed):
            self._hear_passed(sender, message)
        elif isinstance(message, Elsewhere):
            self.breaker.joint.evidence()  # which counts what has succeeded until now
            self.hosts.hear(message, now)
        elif isinstance(message, WantsProbe):
            self.hosts.wanted_at = now
        elif message.rank > self.standing.rank:
            self._follow(message)
        elif message.rank < self.standing.rank:
            self._send(self.standing, sender)  # it has missed something

    def _hear_failed(self, sender: str, message: Failed, now: float) -> None:
        mine = self.breaker.joint.evidence()  # also counts what has succeeded until now
        self._note(sender, message.evidence, now)
        if message.asks:
            self._send(Shown(self.breaker.name, mine), sender)
        elif _has_trouble(mine) and self._may_speak(now):
            self._ask(now)
            self._send(Failed(self.breaker.name, mine, asks=True))

    def _hear_shown(self, sender: str, message: Shown, now: float) -> None:
        if sender in self._silent:
            self._silent.discard(sender)
            self._counts.add("late")
        self._note(sender, message.evidence, now)

    def _hear_passed(self, sender: str, message: Passed) -> None:
        if message.number == self.standing.number and self.standing.opening is not None:
            self._passed[sender] = max(self._passed.get(sender, 0), message.probes)
            self.breaker.joint.pass_probes(sum(self._passed.values()))

    def _follow(self, standing: Standing) -> None:
        if standing.opening is None:
            self.breaker.joint.close()  # first: other threads tell from both that it has come back
        self._stand(standing, is_mine=False)
        if standing.opening is not None:
            self.breaker.joint.follow(standing.opening)

    # -- the judgement of all ----------------------------------------------------------------------

    def _note(self, sender: str, evidence: Evidence, now: float) -> None:
        self._heard[sender] = evidence, now
        self._forget_dead(now)
        if self._asked_at is not None and not self._awaited():
            self._judge(now)

    def _forget_dead(self, now: float) -> None:
        """What they have said counts for one period more."""
        living, period = self._others(), self.breaker.options.monitoring_period
        for name in [name for name, (_, at) in self._heard.items() if now - at >= period]:
            if name not in living:
                del self._heard[name]

    def _ask(self, now: float) -> None:
        if self._asked_at is None:
            self._asked_at = now
            self._silent.clear()
            self._counts.add("asked")

    def _awaited(self) -> list[str]:
        """Who has not answered yet."""
        asked_at = self._asked_at or 0.0
        heard = {name for name, (_, at) in self._heard.items() if at >= asked_at}
        return [each for each in self._others() if each not in heard]

    def _judge(self, now: float) -> None:
        self._count_answers()
        asked_at, self._asked_at = self._asked_at or 0.0, None
        if self.standing.opening is not None:
            return
        said = [evidence for evidence, at in self._heard.values() if at >= asked_at]
        seen, options = [self.breaker.joint.evidence(), *said], self.breaker.options
        reason = joint_verdict(options, seen) or self.hosts.verdict(options, seen, now)
        opening = None if reason is None else self.breaker.joint.open(reason)
        if opening is not None:
            self._stand(Standing(self.breaker.name, self.standing.number + 1, self._me, opening))

    def _count_answers(self) -> None:
        self._silent = set(self._awaited())
        self._counts.add("silent", len(self._silent))
        self._counts.add("answered", len(self._others()) - len(self._silent))

    def _stand(self, standing: Standing, *, is_mine: bool = True) -> None:
        self.standing, self._times = standing, _TIMES
        self._passed.clear()
        if is_mine:
            self._send(standing)

    def _others_failed(self, now: float) -> bool:
        period = self.breaker.options.monitoring_period
        recent = [said for said, at in self._heard.values() if now - at < period]
        return self.hosts.have_trouble(now) or any(map(_has_trouble, recent))

    def _may_speak(self, now: float) -> bool:
        self._tokens = min(_BURST, self._tokens + (now - self._filled_at) / _EVERY)
        self._filled_at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def _has_trouble(evidence: Evidence) -> bool:
    return bool(evidence.failed_at or evidence.slow_at or evidence.failures or evidence.slow)
