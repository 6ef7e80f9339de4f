"""Circuit breakers that are open on several hosts: each tells the others of its own, takes theirs
as one witness more, and only one of them probes at a time.

Nothing here is needed by a call: what is not heard of the others in time counts for nothing, and
then each host goes on alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol

from medianest.cluster.leases import Leases, Turn
from medianest.cluster.reports import OpenThere, Report, entry_of, report_of
from medianest.cluster.tier import Tier
from medianest.peers.elsewhere import OpenHere
from medianest.peers.messages import Elsewhere
from medianest.resilience import CircuitBreakerOptions, Deadline, Registry, State
from medianest.resilience.circuit_breaker.joint import Opening

__all__ = ["Breakers", "Openings"]

_STALE: Final = 5.0
"""Seconds after which a host that says nothing more does not count: it says it every second."""
_WELL: Final = 3.0
"""Seconds for which others are told that something has come back."""
_WANTS: Final = 2.0
"""Seconds for which a call that was refused is a wish to probe."""


class Breakers(Protocol):
    """Those of this host: see HostBreakers."""

    def on_news(self, act: Callable[[], None]) -> None:
        """Call it when others may have to hear of one."""
        ...

    def open_now(self) -> Mapping[str, OpenHere] | None:
        """Those that are open, by name; None: nobody can tell now."""
        ...

    def tell(self, said: Elsewhere) -> None:
        """All processes of this host are to know it of the other hosts."""
        ...

    def probe_now(self, name: str) -> None:
        """The dependency has come back for another host."""
        ...

    def restore(self, name: str, opening: Opening) -> None:
        """So it was before all processes of this host were started anew."""
        ...


class Openings:
    """Between the breakers of a host and a tier, which has `within` for each of its answers.
    `host()` is the name of this host, the same after a restart. Used by one thread."""

    def __init__(
        self,
        tier: Tier,
        breakers: Breakers,
        registry: Registry,
        host: Callable[[], str],
        within: Deadline,
    ) -> None:
        self._tier, self._breakers, self._host = tier, breakers, host
        self._registry, self._clock, self._within = registry, registry.clock, within
        self._leases = Leases(tier, host, within)
        self._opened: dict[str, tuple[int, float]] = {}
        """The number of the opening of each that is open here, and when it began."""
        self._well: dict[str, float] = {}
        """What has come back here, and when."""
        self._heeded: set[tuple[str, str]] = set()
        """By which hosts it was told that something has come back, and what was done."""
        self._spoken_of: set[str] = set()
        """Of what this host was told last that it is open elsewhere, or for another to probe."""
        self._told: object = None
        self._has_looked = False
        self.elsewhere = 0
        """How many breakers are open on other hosts."""

    def look(self) -> None:
        """Tell the others, hear them, and do what follows. Raises TierError."""
        now, mine = self._clock.now(), self._breakers.open_now()
        if mine is None:  # as at the end, after which what was open is to be known
            return
        self._note(mine, now)
        report = self._report(mine, now)
        with self._within.scope():
            entries = self._tier.report(self._host(), entry_of(report))
        others = self._heard(entries)
        self.elsewhere = len({name for each in others.values() for name in each.open})
        has_given = self._follow(mine, others, report.wants, now)
        key = frozenset(self._opened.items()), report.wants, report.well
        if has_given or key != self._told:
            self._told = key
            with self._within.scope():
                self._tier.wake()

    # -- what is told ------------------------------------------------------------------------------

    def _note(self, mine: Mapping[str, OpenHere], now: float) -> None:
        for name, here in mine.items():
            number = here.opening.openings
            if self._opened.get(name, (0, 0.0))[0] != number:
                self._opened[name] = number, now
            self._well.pop(name, None)
        for name in self._opened.keys() - mine.keys():
            del self._opened[name]
            breaker = self._registry.find_breaker(name)
            if breaker is not None and breaker.state is State.CLOSED:  # or it only is not shared
                self._well[name] = now
        for name in [name for name, at in self._well.items() if now - at >= _WELL]:
            del self._well[name]

    def _report(self, mine: Mapping[str, OpenHere], now: float) -> Report:
        opened = {
            name: OpenThere(
                ago=now - self._opened[name][1],
                left=here.opening.until - now,
                openings=here.opening.openings,
                reason=here.opening.reason,
            )
            for name, here in mine.items()
        }
        wants = {
            name
            for name, here in mine.items()
            if now - here.wanted_at < _WANTS and not self._leases.is_held(name)
        }
        return Report(opened, frozenset(wants), frozenset(self._well))

    # -- what is heard -----------------------------------------------------------------------------

    def _heard(self, entries: Mapping[str, tuple[float, bytes]]) -> dict[str, Report]:
        """Of the others that count, with times as of now."""
        found: dict[str, Report] = {}
        mine = self._host()
        for host, (age, entry) in entries.items():
            counts = age < _STALE if host != mine else not self._has_looked
            report = report_of(entry) if counts else None
            if report is None:
                continue
            if host == mine:
                self._restore(self._known(report, age))
            else:
                found[host] = self._known(report, age)
        self._has_looked = True
        return found

    def _known(self, report: Report, age: float) -> Report:
        """What is here of it, as of now: names can be made up without end."""
        opened = {
            name: OpenThere(each.ago + age, each.left - age, each.openings, each.reason)
            for name, each in report.open.items()
            if self._registry.find_breaker(name) is not None
        }
        return Report(opened, report.wants, report.well)

    def _restore(self, report: Report) -> None:
        """What was due while nobody was here is due now."""
        now = self._clock.now()
        for name, there in report.open.items():
            breaker = self._registry.find_breaker(name)
            longest = 0.0 if breaker is None else _longest_wait(breaker.options)
            if there.left > -longest:
                until = now + min(max(0.0, there.left), longest)
                self._breakers.restore(name, Opening(until, there.openings, there.reason))

    def _follow(
        self,
        mine: Mapping[str, OpenHere],
        others: Mapping[str, Report],
        wants: Collection[str],
        now: float,
    ) -> bool:
        """Whether others can probe now that could not before."""
        back = self._back(mine, others)
        turns = {
            name: Turn(
                due=now if name in back else here.opening.until,
                probes=here.probes,
                wants=name in wants,
                is_wanted=any(name in each.wants for each in others.values()),
            )
            for name, here in mine.items()
        }
        bars = self._leases.bars(turns, now)
        for name in {
            *mine,
            *self._spoken_of,
            *(name for each in others.values() for name in each.open),
        }:
            self._tell(name, bars.get(name, 0.0), others, now)
        for name in back:
            self._breakers.probe_now(name)
        # Not before, as the place may be lost in between.
        self._heeded = {(host, name) for host, each in others.items() for name in each.well}
        return self._leases.has_given()

    def _tell(
        self, name: str, barred_until: float, others: Mapping[str, Report], now: float
    ) -> None:
        agos = [each.open[name].ago for each in others.values() if name in each.open]
        says_something = bool(agos) or barred_until > 0
        if self._registry.find_breaker(name) is None:
            self._spoken_of.discard(name)
            return
        if not says_something and name not in self._spoken_of:
            return
        self._breakers.tell(Elsewhere(name, now - min(agos) if agos else None, barred_until))
        (self._spoken_of.add if says_something else self._spoken_of.discard)(name)

    def _back(self, mine: Mapping[str, OpenHere], others: Mapping[str, Report]) -> set[str]:
        """What is open here, and has just come back for another host."""
        said = {(host, name) for host, each in others.items() for name in each.well}
        return {name for _, name in said - self._heeded if name in mine}


def _longest_wait(options: CircuitBreakerOptions) -> float:
    return options.max_reset_timeout * (1 + options.jitter)
