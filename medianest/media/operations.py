"""The operations of an upstream: each asked once for all who ask the same, and judged by itself.

A failure counts where it belongs. What failed before anything was sent (refused, no such name) is
the connection's, and counts against the server. An answer that is an error is the operation's,
once two of the subjects that it is asked about are answered so; the server has answered. What broke
off in between, by silence or a reset, is the operation's too, and the server's once a second
operation suffers the same before anything is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, Final

from medianest.config import UpstreamSettings
from medianest.media.broken_off import BrokenOff, Reached, nothing_was_sent
from medianest.media.errors import NotFoundError, UpstreamError
from medianest.media.subjects import About, Answers, Questions, Subjects
from medianest.resilience import (
    CircuitBreaker,
    Clock,
    Coalesce,
    Criticality,
    Deadline,
    FlightPool,
    LastGood,
    Patience,
    ResilienceService,
    Retry,
    State,
    Strategy,
)
from medianest.resilience.flights import Joinable
from medianest.resilience.options import BulkheadOptions
from medianest.resilience.outcome import Expected
from medianest.resilience.strategy import Invoke

__all__ = ["UpstreamOperation", "UpstreamOperations"]

_PROBE_SECONDS: Final = 1.0
"""How long a look for one operation waits for its answer; the next look joins the same flight."""

_PROBES: Final = 10
"""Questions that one look asks in a row: a half-open breaker wants several answers."""

_ASKED_LATELY: Final = 86400.0
"""What nobody has asked for a day need not be known."""

Question = tuple[Callable[..., Any], Any, Any]


class UpstreamOperations:
    """The operations `names` of an upstream. They share its breaker, bulkhead, budget and deadline,
    and the threads of their flights; each has a breaker of its own, `<service>.<name>`."""

    def __init__(
        self,
        service: str,
        names: Sequence[str],
        settings: UpstreamSettings,
        resilience: ResilienceService,
        *,
        retry_on: tuple[Expected, ...],
        criticality: Criticality,
    ) -> None:
        registry = resilience.registry
        self._service, self._settings, self._registry = service, settings, registry
        self._broken = BrokenOff()
        policy = settings.policy((UpstreamError,), retry_on=retry_on)
        options = policy.circuit_breaker
        assert options is not None
        servers = replace(options, ignored_errors=(self._broken.is_of_one_operation,))
        self._subjects = {name: Subjects(options.expected_errors, registry.clock) for name in names}
        self._breakers = {
            name: registry.breaker(
                f"{service}.{name}",
                replace(options, ignored_errors=(nothing_was_sent, subjects.is_of_one)),
            )
            for name, subjects in self._subjects.items()
        }
        resilience.register_dependency(
            service,
            replace(policy, circuit_breaker=servers),
            criticality=criticality,
            operations=self._breakers.values(),
        )
        self._server = registry.breaker(service)
        self._retry = Retry(
            policy.retry, name=service, budget=registry.budget(service), clock=registry.clock
        )
        self._pool = FlightPool(settings.places, name=service)
        # Those who wait for what hangs hold threads, though none of its places.
        line = BulkheadOptions(max_concurrent=settings.places)
        self._line = registry.bulkhead(f"{service}.callers", line)
        self._made: list[UpstreamOperation] = []
        if not settings.breaker_enabled:
            for breaker in (self._server, *self._breakers.values()):
                breaker.disable("disabled by the settings")

    def layers(
        self,
        name: str,
        key: Callable[..., Hashable],
        *,
        about: About,
        last_good: LastGood | None = None,
        patience: float = 0.0,
    ) -> list[Strategy]:
        """The layers of one operation, outermost first: `Operation > Patience > Coalesce > Retry >
        CircuitBreaker > CircuitBreaker of the server > Bulkhead > Deadline`; patience only with
        `last_good` answers. `key` tells questions apart, `about` what they are about. Only one
        pipeline can be made of them."""
        full = f"{self._service}.{name}"
        operation = UpstreamOperation(self._breakers[name], self._server, self._registry.clock)
        self._made.append(operation)
        waiting = self._waiting(full, key, last_good, patience)
        return [operation, *waiting, *self.direct(name, about=about)]

    def direct(
        self, name: str, *, retries: bool = True, about: About | None = None
    ) -> list[Strategy]:
        """The same for a call of which each is one of its own: `Retry > CircuitBreaker >
        CircuitBreaker of the server > Bulkhead > Deadline`. Without `about`, all are about one."""
        registry = self._registry
        return [
            *([self._retry] if retries else []),
            *self._judging(name, about),
            Reached(name, self._broken),
            self._server,
            registry.bulkhead(self._service),
            Deadline(self._settings.timeout, name=self._service, clock=registry.clock),
        ]

    def probe(self) -> None:
        """Ask again what was asked last of each operation that its breaker, or the server's, lets
        be tried: so nobody has to be the first. Waits for a second each at most."""
        for operation in self._made:
            operation.probe()

    def close(self) -> None:
        """Begin no more flights."""
        self._pool.close()

    def _judging(self, name: str, about: About | None) -> list[Strategy]:
        breaker, subjects = self._breakers[name], self._subjects[name]
        if about is None:
            return [breaker]
        return [Questions(subjects, breaker, about), breaker, Answers(subjects, breaker, about)]

    def _waiting(
        self,
        name: str,
        key: Callable[..., Hashable],
        last_good: LastGood | None,
        patience: float,
    ) -> list[Strategy]:
        clock = self._registry.clock
        # Time for one attempt that fails late, and for another one.
        timeout = 2 * self._settings.timeout
        coalesce = Coalesce(
            name=name, key=key, timeout=timeout, pool=self._pool, line=self._line, clock=clock
        )
        self._registry.add_flights(coalesce)
        if last_good is None:
            return [coalesce]
        patient = Patience(
            patience, name=name, key=key, last_good=last_good, pool=self._pool, clock=clock
        )
        self._registry.add_flights(patient)
        return [patient, coalesce]


class UpstreamOperation(Strategy):
    """Remembers what was asked of an operation last, to ask it again by itself. Thread-safe."""

    def __init__(self, breaker: CircuitBreaker, server: CircuitBreaker, clock: Clock) -> None:
        self._breakers = (breaker, server)
        self._clock = clock
        self._asked: tuple[Question, float] | None = None
        self._answered: tuple[Question, float] | None = None
        self._flights: Joinable | None = None
        self._not_before = 0.0
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose it around flights."""
        if hasattr(inner, "join"):
            self._flights = inner  # type: ignore[assignment]

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            self._asked = asked = (function, args, kwargs), self._clock.now()
            result = inner(function, args, kwargs)
            self._answered = asked
            return result

        return invoke

    def probe(self) -> None:
        """Ask the last question again, until the breakers are closed or it fails."""
        for _ in range(_PROBES):
            question = self._question()
            if question is None or not self._may_be_tried() or not self._is_well(question):
                return

    def _is_well(self, question: Question) -> bool:
        flight = self._flights.join(*question) if self._flights is not None else None
        if flight is None:
            return False
        try:
            if not flight.wait(_PROBE_SECONDS):
                return False
            error = flight.error
        finally:
            flight.leave()
        if error is not None:
            self._note(error, question)
        return error is None

    def _note(self, error: BaseException, question: Question) -> None:
        """Failures keep their breaker shut for a while; what is none is not asked each second."""
        self._not_before = self._clock.now() + self._breakers[0].options.reset_timeout
        if isinstance(error, NotFoundError):  # what is gone proves nothing
            for name in ("_answered", "_asked"):
                known = getattr(self, name)
                if known is not None and known[0] == question:
                    setattr(self, name, None)

    def _question(self) -> Question | None:
        """What was answered last, or, when nothing was, asked last."""
        oldest = self._clock.now() - _ASKED_LATELY
        for known in (self._answered, self._asked):
            if known is not None and known[1] >= oldest:
                return known[0]
        return None

    def _may_be_tried(self) -> bool:
        """Whether a breaker waits for a proof, and none refuses it."""
        shut = [b for b in self._breakers if b.state not in (State.CLOSED, State.DISABLED)]
        if not shut or self._clock.now() < self._not_before:
            return False
        return all(b.state is not State.FORCED_OPEN and not b.snapshot().retry_after for b in shut)
