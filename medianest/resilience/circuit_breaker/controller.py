"""A breaker's state machine behind its lock: what happened under it is published after it."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from medianest.resilience.circuit_breaker.permit import Permit
from medianest.resilience.circuit_breaker.state_machine import NOBODY, StateMachine
from medianest.resilience.circuit_breaker.states import Generation, State, Trigger
from medianest.resilience.circuit_breaker.window import FAILURE, SUCCESS, Latency
from medianest.resilience.clock import Clock
from medianest.resilience.errors import CallRefusedError, CircuitOpenError, ConfigurationError
from medianest.resilience.events import CallRefused, call_refused, publish
from medianest.resilience.options import MAX_SECONDS, CircuitBreakerOptions, is_number
from medianest.resilience.outcome import Classifier, Outcome, Walk, causes_within_call
from medianest.resilience.peers import NO_PEERS, BreakerPeers
from medianest.resilience.snapshot import BreakerSnapshot, take_snapshot, type_and_text
from medianest.resilience.strategy import DeferredSettlement

__all__ = ["Controller"]

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Controller:
    """Admits and settles calls and obeys operators, one thread at a time."""

    __slots__ = (
        "_classify", "_expects_all", "_lock", "_now", "_publishing", "machine", "name", "peers",
    )  # fmt: skip

    def __init__(
        self, name: str, options: CircuitBreakerOptions, clock: Clock, random: Callable[[], float]
    ) -> None:
        self.name = name
        self.machine = StateMachine(name, options, clock, random)
        self._now = clock.now
        self._classify = Classifier(options.expected_errors, options.ignored_errors)
        self._expects_all = options.expected_errors is None and options.ignored_errors is None
        self._lock = threading.Lock()
        self.peers: BreakerPeers = NO_PEERS
        self._publishing: list[None] = [None]
        """The turn to publish; taken by `del`, after which no interrupt can come in between."""

    def admit(self, started: float, thread: int) -> tuple[Generation, float]:
        """The generation that admits a call, and when the call begins. Raises CircuitOpenError."""
        early = self.machine.generation.refuse_until - started
        if early > 0:
            raise self.refusal(early)
        is_placed = self.peers is not NO_PEERS and self._take_place(thread)
        with self._lock:
            admitted = self.machine.admit(started, thread)
            retry_after = 0.0 if admitted else self.machine.retry_after(started)
        if is_placed and (admitted is None or admitted.state is not State.HALF_OPEN):
            self.peers.give_place()
        if self.machine.events:
            started = self._announce(admitted, started, thread)
        if admitted is None:
            raise self.refusal(retry_after)
        return admitted, started

    def _take_place(self, thread: int) -> bool:
        """Take one of the probes that all processes may make together, where the call may be one.
        Raises CircuitOpenError when there is none."""
        generation = self.machine.generation
        if generation.state is not State.OPEN and generation.state is not State.HALF_OPEN:
            return False
        if thread != NOBODY and generation.is_probing(thread):
            return False  # a call inside a probe is part of it
        if not self.peers.take_place():
            raise self.refusal(min(1.0, self.machine.options.half_open_timeout))
        return True

    def _announce(self, admitted: Generation | None, started: float, thread: int) -> float:
        """Publish before the call; the time that receivers take is not the call's."""
        try:
            self._flush()
        except BaseException:
            if admitted is not None:
                self.give_back(admitted, started)
            raise
        now = self._now()
        if admitted is not None:
            with self._lock:
                admitted.renew(started, now, thread)
        return now

    def refusal(self, retry_after: float) -> CircuitOpenError:
        """Count and announce a refusal; a fresh error for it."""
        next(self.machine.refused.ticks)
        if call_refused.receivers:
            wait = retry_after if retry_after < math.inf else None
            publish((CallRefused(self.name, wait),))
        return CircuitOpenError(self.name, retry_after)

    def acquire(self) -> Permit:
        """A permit for one call, whose place expires. Raises CircuitOpenError."""
        started = self._now()
        generation = self.machine.generation
        if started >= generation.slow_path_from:
            generation, started = self.admit(started, NOBODY)
        self.machine.permits.append(started)
        return Permit(self, generation, started, self.machine.permits)

    def fail(
        self,
        generation: Generation,
        started: float,
        error: BaseException,
        walk: Walk = causes_within_call,
    ) -> None:
        """Count a call that raised; what is not an Exception counts for nothing, and a Handover
        later, by who ends it."""
        if isinstance(error, Exception):
            ended = self._now()
            if self._expects_all and not isinstance(error, CallRefusedError):
                outcome = FAILURE
            else:
                outcome = self._outcome_of(error, walk)
            failure = type_and_text(error)
            with self._lock:  # as `settle`; a failure pays for each call made here
                self.machine.settle(generation, started, ended, outcome, failure)
            if self.machine.events:
                self._flush()
            if self.peers is not NO_PEERS:
                self._tell(generation, ended - started, outcome)
        elif isinstance(error, DeferredSettlement):
            self._hand_over(generation, started, error)
        else:
            self.give_back(generation, started)

    def _outcome_of(self, error: Exception, walk: Walk) -> int:
        try:
            return self._classify(error, walk)
        except Exception:
            logger.exception("expected_errors or ignored_errors of %r failed", self.name)
            return Outcome.FAILURE

    def _hand_over(
        self, generation: Generation, started: float, handover: DeferredSettlement
    ) -> None:
        """A call goes on after it returned: who ends it settles it, and what its thread calls next
        is no part of it."""
        if generation.leases:
            with self._lock:
                generation.renew(started, started, NOBODY)
        self.machine.flights.append(started)
        handover.held.append(Permit(self, generation, started, self.machine.flights))

    def succeed(self, generation: Generation, started: float) -> None:
        """Count a call that went well; like `invoke`, without the lock when it was quick."""
        ended = self._now()
        if ended - started < generation.fast_below:
            generation.pending.append(ended - started)
        else:
            self.settle(generation, started, ended, Outcome.SUCCESS)

    def settle(self, generation: Generation, started: float, ended: float, outcome: int) -> None:
        """Count a finished call that raised nothing."""
        with self._lock:
            self.machine.settle(generation, started, ended, outcome)
        if self.machine.events:
            self._flush()
        if self.peers is not NO_PEERS:
            self._tell(generation, ended - started, outcome)

    def _tell(self, generation: Generation, took: float, outcome: int) -> None:
        """The other processes of what concerns them."""
        if generation.admits_all:
            if outcome == FAILURE or took >= self.machine.slow:
                self.peers.failed()
        elif generation.state is State.HALF_OPEN and outcome == SUCCESS:
            self.peers.passed()
        elif generation.state is State.HALF_OPEN and outcome != FAILURE:
            self.peers.give_place()  # it has proved nothing

    def renew(self, generation: Generation, started: float) -> None:
        """A probe gave a sign of life."""
        now = self._now()
        with self._lock:
            if self.machine.advance(now) is generation:
                generation.alive[started] = now

    def give_back(self, generation: Generation, started: float) -> None:
        """A call counts for nothing."""
        now = self._now()
        with self._lock:
            had_lease = self.machine.give_back(generation, started, now)
        if had_lease:
            self.peers.give_place()
        self._flush()

    def operate(
        self,
        trigger: Trigger,
        reason: str | None,
        actor: str | None,
        expires_in: float | None = None,
        only_from: tuple[State, ...] = tuple(State),
    ) -> bool:
        """Do what an operator wants, if the state is one of those; whether it was done. Raises
        ConfigurationError for a wrong `expires_in`."""
        if expires_in is not None and not (is_number(expires_in) and 0 < expires_in <= MAX_SECONDS):
            raise ConfigurationError(f"expires_in must be seconds above 0, not {expires_in!r}")
        if not isinstance(reason, str | None):
            raise ConfigurationError(f"reason must be text, not {reason!r}")
        now = self._now()
        expires_at = math.inf if expires_in is None else now + expires_in
        machine = self.machine
        with self._lock:
            done = machine.advance(now).state in only_from
            if done:
                machine.transition(trigger, now, reason=reason, actor=actor, expires_at=expires_at)
        self._flush()
        return done

    def state(self) -> State:
        """The state now; without the lock while no time has passed that could change it."""
        now = self._now()
        generation = self.machine.generation
        if now < generation.slow_path_from:
            return generation.state
        with self._lock:
            state = self.machine.advance(now).state
        self._flush()
        return state

    def with_machine(self, act: Callable[[StateMachine, float], T]) -> T:
        """What `act(machine, now)` returns; it is nothing but arithmetic, and what came of it is
        published afterwards."""
        now = self._now()
        with self._lock:
            done = act(self.machine, now)
        self._flush()
        return done

    def snapshot(self) -> BreakerSnapshot:
        """Everything at one instant."""
        now = self._now()
        with self._lock:
            seen, batches, longest = take_snapshot(self.machine, now)
        self._flush()
        return replace(seen, latency=Latency.of(batches, longest))

    def _flush(self) -> None:
        """Publish in the order in which things happened, by one thread at a time.

        Who finds another at it leaves the rest to that one: nobody ever waits here.
        """
        events, turn = self.machine.events, self._publishing
        while events and turn:
            taken = False
            try:
                del turn[-1]
                taken = True
                while events:
                    publish((events.pop(0),))
            except IndexError:  # another was quicker, at the turn or at the last event
                pass
            finally:
                if taken:
                    turn.append(None)
