"""The operations that recovery knows by name: what can be listed, looked up and rehearsed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.errors import CircuitOpenError, ConfigurationError, UnknownNameError
from medianest.resilience.options import checked_name, whole
from medianest.resilience.outcome import example_of
from medianest.resilience.recovery.action import RecoveryContext
from medianest.resilience.recovery.good_answers import GoodAnswers

__all__ = ["CIRCUIT_OPEN", "NamedOperation", "NamedOperations", "Sample"]

CIRCUIT_OPEN = "circuit-open"
"""The token of a refusal by an open circuit breaker, in a rehearsal."""

_SAMPLE_WAIT = 30.0

Sample = Callable[[str], Exception]
"""Makes the error that a token such as "timeout", "ECONNREFUSED" or "5xx" stands for. Raises
ConfigurationError for one that never happens."""


@tells_arguments
@dataclass(frozen=True, kw_only=True)
class NamedOperation:
    """A kind of call with a public name, and what recovery gets to know of one."""

    name: str
    service: str
    max_attempts: int = 1
    good: GoodAnswers | None = None
    """Where its good answers are kept; None: it keeps none."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What a call of it tells the actions, in a rehearsal."""

    def __post_init__(self) -> None:
        checked_name(self.name, "operation")
        checked_name(self.service, f"service of operation {self.name!r}:")
        whole(self, "max_attempts")

    def rehearsal(self, given: Mapping[str, Any] | None = None) -> RecoveryContext:
        """The context of a call that does not happen; `given` are arguments of it and metadata.
        Raises ConfigurationError for an argument that cannot be one."""
        given = dict(given or {})
        return RecoveryContext(
            operation=self.name,
            service=self.service,
            metadata={**given, **self.metadata},
            good=None if self.good is None else self.good.rehearsed(given),
            rehearsal=True,
        )


class NamedOperations:
    """All of one manager. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._operations: dict[str, NamedOperation] = {}
        self._samples: dict[str, Sample] = {}

    def register(self, operation: NamedOperation) -> NamedOperation:
        """Add an operation. Raises ConfigurationError when its name is taken by another one."""
        with self._lock:
            known = self._operations.setdefault(operation.name, operation)
        if known != operation:
            raise ConfigurationError(f"operation {operation.name!r} is registered already")
        return known

    def sample_with(self, service: str, sample: Sample) -> None:
        """Rehearse failures of a service with the errors that `sample(token)` makes."""
        with self._lock:
            self._samples[service] = sample

    def get(self, name: str) -> NamedOperation:
        """One of them. Raises UnknownNameError, which names them all."""
        try:
            return self._operations[name]
        except KeyError:
            known = ", ".join(each.name for each in self.all()) or "none"
            raise UnknownNameError(f"there is no operation {name!r}; there are: {known}") from None

    def all(self) -> tuple[NamedOperation, ...]:
        """All of them by name."""
        return tuple(sorted(self._operations.values(), key=lambda each: each.name))

    def sample_error(self, service: str, token: str) -> Exception:
        """The error that a call to that service would raise; "circuit-open" is a refusal. Raises
        ConfigurationError for what is no token, and for what never happens to that service."""
        if token == CIRCUIT_OPEN:
            return CircuitOpenError(service, _SAMPLE_WAIT)
        return self._samples.get(service, example_of)(token)
