"""What the peers of a breaker learn from it and let it know: all that ties those of one name in
several processes together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medianest.resilience.circuit_breaker.evidence import Evidence, Witness
from medianest.resilience.circuit_breaker.states import State, Trigger
from medianest.resilience.circuit_breaker.window import FAILURE, SLOW, SUCCESS
from medianest.resilience.peers import NO_PEERS, BreakerPeers

if TYPE_CHECKING:
    from medianest.resilience.circuit_breaker.controller import Controller
    from medianest.resilience.circuit_breaker.state_machine import StateMachine

__all__ = ["Joint", "Opening"]


@dataclass(frozen=True, slots=True)
class Opening:
    """That a breaker is open: until when no call is made, and the so-manieth time in a row. The
    instant is one of the clock that all processes share."""

    until: float
    openings: int
    reason: str | None = None


class Joint:
    """One breaker, as its peers see it. Thread-safe. What is done here is nobody's own decision, so
    operators' overrides stay as they are."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def join(self, peers: BreakerPeers) -> None:
        """From now on it is one of several."""

        def watch(machine: StateMachine, now: float) -> None:
            machine.advance(now)
            if machine.witness is None:
                machine.witness = Witness(machine.options.failure_threshold, now)

        self._controller.with_machine(watch)
        self._controller.peers = peers

    def leave(self) -> None:
        """From now on it is on its own again."""

        def forget(machine: StateMachine, now: float) -> None:
            machine.witness = None

        self._controller.peers = NO_PEERS
        self._controller.with_machine(forget)

    @property
    def may_hang(self) -> bool:
        """Whether calls are under way that may become slow."""
        machine = self._controller.machine
        return machine.slow < math.inf and bool(machine.flights or machine.permits)

    def evidence(self) -> Evidence:
        """What this process has seen, of late."""
        return self._controller.with_machine(_evidence)

    def opening(self) -> Opening | None:
        """How it is open; None: it is not, or an operator has it open."""
        return self._controller.with_machine(lambda machine, now: _opening(machine))

    def open(self, reason: str) -> Opening | None:
        """All together have seen enough: open it, if it is closed. How it is open then."""

        def judged(machine: StateMachine, now: float) -> Opening | None:
            generation = machine.advance(now)
            if generation.admits_all:
                machine.judge(generation, now, reason)
            return _opening(machine)

        return self._controller.with_machine(judged)

    def follow(self, opening: Opening) -> None:
        """Be open as the others are."""

        def followed(machine: StateMachine, now: float) -> None:
            generation = machine.advance(now)
            if generation.state is State.CLOSED:
                machine.transition(Trigger.TRIPPED, now, reason=opening.reason)
            elif generation.state is State.HALF_OPEN:
                machine.transition(Trigger.PROBE_FAILED, now, reason=opening.reason)
            elif generation.state is not State.OPEN:
                return
            machine.generation.refuse_until = opening.until
            machine.openings_in_a_row = opening.openings

        self._controller.with_machine(followed)

    def pass_probes(self, elsewhere: int) -> None:
        """So many probes of other processes succeeded since it was half-open."""

        def passed(machine: StateMachine, now: float) -> None:
            generation = machine.advance(now)
            if generation.state is State.HALF_OPEN:
                generation.passed_elsewhere = max(generation.passed_elsewhere, elsewhere)
                machine.judge_passed(generation, now)

        self._controller.with_machine(passed)

    def passed_here(self) -> int:
        """How many probes of this process succeeded, in this round."""
        return self._controller.with_machine(lambda machine, now: machine.advance(now).passed)

    def close(self) -> None:
        """The others' probes have shown that the dependency is well."""

        def closed(machine: StateMachine, now: float) -> None:
            if machine.advance(now).state in (State.OPEN, State.HALF_OPEN):
                machine.transition(Trigger.PROBES_PASSED, now)

        self._controller.with_machine(closed)


def _opening(machine: StateMachine) -> Opening | None:
    generation = machine.generation
    if generation.state is not State.OPEN:
        return None
    return Opening(generation.refuse_until, machine.openings_in_a_row, generation.reason)


def _evidence(machine: StateMachine, now: float) -> Evidence:
    generation, witness = machine.advance(now), machine.witness
    if witness is None:
        return Evidence()
    overdue: list[float] = []
    if generation.admits_all:
        counts = generation.window.counts
        overdue = [at for at in machine.in_flight() if now - at >= machine.slow]
    else:
        counts = witness.counts_lately(now, machine.options.monitoring_period)
    return Evidence(
        failed_at=tuple(witness.failed_at),
        slow_at=(*witness.slow_at, *overdue),
        good_by=witness.good_by,
        quick_by=witness.quick_by,
        successes=counts[SUCCESS],
        failures=counts[FAILURE],
        slow=counts[SLOW],
        overdue=len(overdue),
    )
