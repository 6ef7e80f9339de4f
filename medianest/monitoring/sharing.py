"""The check of what the workers of a host share: who is silent, what is lost, who is in trouble
alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from medianest.config import HealthSettings
from medianest.health import Check, CheckResult, Status
from medianest.monitoring.checks import check_of
from medianest.peers.difference import difference, some
from medianest.peers.host import HostPeers
from medianest.peers.tier import Tier
from medianest.resilience import CircuitBreaker, Registry
from medianest.resilience.snapshot import plain

__all__ = ["SharingCheck", "check_sharing"]

_LASTS: Final = 3.0
"""Seconds after which workers that differ do not do so only because one has heard it later."""


def check_sharing(settings: HealthSettings, check: SharingCheck) -> Check:
    """What it finds is counted over some seconds already, so once is enough."""
    return replace(check_of(settings, "sharing", "optional", check), worse_after=1, better_after=1)


class SharingCheck:
    """`is_one_of_several()` tells whether this process shares anything: one that is alone loses
    nothing when it cannot. `tiers` are those above the host."""

    def __init__(
        self,
        registry: Registry,
        peers: HostPeers,
        is_one_of_several: Callable[[], bool],
        tiers: Sequence[Tier] = (),
    ) -> None:
        self._registry, self._peers = registry, peers
        self._is_one_of_several = is_one_of_several
        self._tiers = (peers.tier, *tiers)

    def __call__(self) -> CheckResult:
        """Degraded at the worst: each worker does its work alone, too."""
        wrong = [*self._lost(), *self._silent(), *self._differences()]
        status = Status.DEGRADED if wrong else Status.HEALTHY
        return CheckResult(status, "; ".join(wrong) or None, self._figures())

    def _lost(self) -> Iterator[str]:
        for tier in self._tiers:
            is_missed = tier is not self._peers.tier or self._is_one_of_several()
            if tier.problem is not None and is_missed:
                yield f"{tier.problem}: what the tier {tier.name} shares is lost"

    def _silent(self) -> Iterator[str]:
        silent = [
            each.name for each in self._peers.roster.members() if each.silent_since is not None
        ]
        if silent:
            yield f"silent: {some(silent)}"

    def _differences(self) -> Iterator[str]:
        """Once for all breakers of a service that say the same."""
        yield from dict.fromkeys(filter(None, map(self._difference, self._registry.breakers())))

    def _difference(self, breaker: CircuitBreaker) -> str | None:
        states = self._peers.roster.states_of(breaker)
        lasted = self._registry.clock.now() - max((each.since for each in states), default=0.0)
        if lasted < _LASTS:
            return None
        return difference(self._registry.service_of(breaker.name), states)

    def _figures(self) -> dict[str, Any]:
        members, silent = self._peers.roster.members(), []
        for each in members:
            if each.silent_since is not None:
                silent.append({"name": each.name, "last_heard_at": self._at(each.silent_since)})
        lost = [{"name": tier.name, "lost_at": plain(tier.lost_since)} for tier in self._tiers
                if tier.problem is not None]  # fmt: skip
        return {"members": [each.name for each in members], "silent": silent, "lost": lost}

    def _at(self, instant: float) -> Any:
        clock = self._registry.clock
        return plain(clock.utc() - timedelta(seconds=clock.now() - instant))
