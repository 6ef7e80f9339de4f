"""The shared registry: every breaker, bulkhead, budget, pipeline and dependency by its name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, Unpack, get_args

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.budget import RetryBudget
from medianest.resilience.bulkhead import Bulkhead
from medianest.resilience.circuit_breaker.breaker import CircuitBreaker
from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.coalesce import Coalesce
from medianest.resilience.dependency import (
    Criticality,
    Dependency,
    DependencyType,
    check_one_of,
)
from medianest.resilience.errors import ConfigurationError, UnknownNameError
from medianest.resilience.events import BreakerAdded, BulkheadAdded, publish
from medianest.resilience.keywords import BulkheadKeywords, CircuitBreakerKeywords
from medianest.resilience.options import (
    BulkheadOptions,
    CircuitBreakerOptions,
    checked_name,
    configure,
)
from medianest.resilience.patience import Patience

__all__ = ["Criticality", "Dependency", "DependencyType", "Registry", "default_registry"]

T = TypeVar("T")


@tells_arguments
class Registry:
    """Named parts, each made once and shared by all that ask for its name. Thread-safe.

    `parent` is looked into for breakers that this one does not have. Asking for an existing name
    with other options raises ConfigurationError: two callers would not get what they asked for.
    """

    def __init__(
        self,
        *,
        clock: Clock | Callable[[], float] | None = None,
        parent: Registry | None = None,
    ) -> None:
        if parent is not None and not isinstance(parent, Registry):
            raise ConfigurationError(f"parent must be a Registry, not {parent!r}")
        self.clock = as_clock(clock)
        self.suspend_retries: Callable[[], str | None] = lambda: None
        """Why no retries should be made now (see cascade), or None; all its budgets ask it."""
        self._parent = parent
        self._lock = threading.RLock()
        self._breakers: dict[str, CircuitBreaker] = {}
        self._bulkheads: dict[str, Bulkhead] = {}
        self._budgets: dict[str, RetryBudget] = {}
        self._dependencies: dict[str, Dependency] = {}
        self._flights: dict[str, Coalesce] = {}
        self._patiences: dict[str, Patience] = {}

    def breaker(
        self,
        name: str,
        options: CircuitBreakerOptions | None = None,
        **keywords: Unpack[CircuitBreakerKeywords],
    ) -> CircuitBreaker:
        """The breaker of that name, made if there is none."""
        wanted = _wanted(CircuitBreakerOptions, options, keywords, f"circuit breaker {name!r}")
        with self._lock:
            found = self.find_breaker(name)
            if found is None:
                made = self._breakers[name] = CircuitBreaker(name, wanted, clock=self.clock)
        if found is None:
            publish((BreakerAdded(name),))
            return made
        _same(f"circuit breaker {name!r}", wanted, found.options)
        return found

    def bulkhead(
        self,
        name: str,
        options: BulkheadOptions | None = None,
        **keywords: Unpack[BulkheadKeywords],
    ) -> Bulkhead:
        """The bulkhead of that name, made if there is none."""
        wanted = _wanted(BulkheadOptions, options, keywords, f"bulkhead {name!r}")
        with self._lock:
            found = self._bulkheads.get(name)
            if found is None:
                made = self._bulkheads[name] = Bulkhead(name, wanted, clock=self.clock)
        if found is None:
            publish((BulkheadAdded(name),))
            return made
        _same(f"bulkhead {name!r}", wanted, found.options)
        return found

    def budget(self, name: str) -> RetryBudget:
        """The retry budget of that name, made if there is none."""
        checked_name(name, "retry budget")
        with self._lock:
            found = self._budgets.get(name)
            if found is None:
                found = RetryBudget(clock=self.clock, suspended=lambda: self.suspend_retries())
                self._budgets[name] = found
            return found

    def check_options(
        self,
        name: str,
        breaker: CircuitBreakerOptions | None,
        bulkhead: BulkheadOptions | None,
    ) -> None:
        """Raise ConfigurationError when parts of that name exist with other options."""
        if (known := self.find_breaker(name)) is not None:
            _same(f"circuit breaker {name!r}", breaker, known.options)
        if (compartment := self._bulkheads.get(name)) is not None:
            _same(f"bulkhead {name!r}", bulkhead, compartment.options)

    def add_breaker(
        self,
        breaker: CircuitBreaker,
        *,
        replaces: Callable[[CircuitBreaker], bool] = lambda taken: False,
    ) -> CircuitBreaker:
        """Register a breaker made elsewhere. Raises ConfigurationError when its name is taken by
        one that it does not replace."""
        with self._lock:
            taken = self._breakers.get(breaker.name)
            if taken is not None and taken is not breaker and not replaces(taken):
                raise ConfigurationError(f"circuit breaker {breaker.name!r} is registered already")
            self._breakers[breaker.name] = breaker
        publish((BreakerAdded(breaker.name),))
        return breaker

    def add_flights(self, strategy: Coalesce | Patience) -> None:
        """Register a Coalesce or a Patience, for its figures to be seen. Raises ConfigurationError
        when there is another one of that kind and name."""
        kind = "coalesce" if isinstance(strategy, Coalesce) else "patience"
        known: dict[str, Any] = self._flights if kind == "coalesce" else self._patiences
        with self._lock:
            if known.setdefault(strategy.name, strategy) is not strategy:
                raise ConfigurationError(f"{kind} {strategy.name!r} is registered already")

    def add_dependency(self, dependency: Dependency) -> Dependency:
        """Register a dependency. Raises ConfigurationError as `check_dependency` does."""
        with self._lock:
            self.check_dependency(
                dependency.name, dependency.criticality, dependency.depends_on, dependency.type
            )
            self._dependencies[dependency.name] = dependency
        return dependency

    def check_dependency(
        self, name: str, criticality: str, depends_on: Iterable[str], of_type: str
    ) -> None:
        """Raise ConfigurationError when no such dependency can be registered: its name is taken,
        its criticality or type unknown, or what it depends on not registered."""
        checked_name(name, "dependency")
        if isinstance(depends_on, str):
            raise ConfigurationError(
                f"dependency {name!r}: depends_on takes a list of names, not {depends_on!r}"
            )
        check_one_of(name, "criticality", criticality, get_args(Criticality))
        check_one_of(name, "type", of_type, get_args(DependencyType))
        with self._lock:
            if name in self._dependencies:
                raise ConfigurationError(f"dependency {name!r} is registered already")
            missing = [repr(other) for other in depends_on if other not in self._dependencies]
        if missing:
            raise ConfigurationError(
                f"dependency {name!r}: depends_on names {', '.join(missing)}, "
                f"which is not registered"
            )

    def remove_dependency(self, name: str) -> Dependency:
        """Forget a dependency and the breaker, bulkhead and budget that were made for it. Raises
        UnknownNameError, and ConfigurationError while others depend on it."""
        with self._lock:
            gone = self.dependency(name)
            needed_by = [o.name for o in self._dependencies.values() if name in o.depends_on]
            if needed_by:
                raise ConfigurationError(f"dependency {name!r} is needed by {', '.join(needed_by)}")
            del self._dependencies[name]
            if all(other.service != gone.service for other in self._dependencies.values()):
                for kept in (self._breakers, self._bulkheads, self._budgets):
                    kept.pop(gone.service, None)
                for breaker in gone.operations:
                    self._breakers.pop(breaker.name, None)
        return gone

    def find_breaker(self, name: str) -> CircuitBreaker | None:
        """The breaker of that name; never makes one."""
        found = self._breakers.get(name)
        if found is None and self._parent is not None:
            return self._parent.find_breaker(name)
        return found

    def find_bulkhead(self, name: str) -> Bulkhead | None:
        """The bulkhead of that name; never makes one."""
        return self._bulkheads.get(name)

    def dependency(self, name: str) -> Dependency:
        """The dependency of that name. Raises UnknownNameError."""
        try:
            return self._dependencies[name]
        except KeyError:
            known = ", ".join(sorted(self._dependencies)) or "none"
            raise UnknownNameError(f"no dependency {name!r}; registered are: {known}") from None

    def dependents(self, name: str) -> tuple[str, ...]:
        """The names of all dependencies that depend on this one, directly or not."""
        found: dict[str, None] = {}
        # Each can depend only on those registered before it, so one pass finds them all.
        for other in self.dependencies():
            if any(needed == name or needed in found for needed in other.depends_on):
                found[other.name] = None
        return tuple(found)

    def affected_services(self, service: str) -> tuple[str, ...]:
        """The services that cannot work without this one: itself first."""
        found = {service: None}
        for dependency in self.dependencies():
            if dependency.service == service:
                names = self.dependents(dependency.name)
                found |= {self.dependency(name).service: None for name in names}
        return tuple(found)

    def breakers(self) -> list[CircuitBreaker]:
        """All breakers by name, the parent's included."""
        inherited = self._parent.breakers() if self._parent is not None else []
        with self._lock:
            merged = {breaker.name: breaker for breaker in inherited} | self._breakers
        return [merged[name] for name in sorted(merged)]

    def bulkheads(self) -> list[Bulkhead]:
        """All bulkheads by name."""
        with self._lock:
            return [self._bulkheads[name] for name in sorted(self._bulkheads)]

    def flights(self) -> list[Coalesce]:
        """All registered Coalesces by name."""
        with self._lock:
            return [self._flights[name] for name in sorted(self._flights)]

    def patiences(self) -> list[Patience]:
        """All registered Patiences by name."""
        with self._lock:
            return [self._patiences[name] for name in sorted(self._patiences)]

    def service_of(self, breaker: str) -> str:
        """The service whose calls a breaker judges: for that of an operation its dependency's,
        else its own name."""
        for dependency in self.dependencies():
            if any(operation.name == breaker for operation in dependency.operations):
                return dependency.service
        return breaker

    def budgets(self) -> dict[str, RetryBudget]:
        """All retry budgets by name."""
        with self._lock:
            return {name: self._budgets[name] for name in sorted(self._budgets)}

    def dependencies(self) -> list[Dependency]:
        """All dependencies, in the order of their registration."""
        with self._lock:
            return list(self._dependencies.values())


default_registry = Registry()
"""The registry of the process, for code that is handed none (the `circuitbreaker` bridge)."""


def _wanted(kind: type[T], options: T | None, keywords: Mapping[str, Any], owner: str) -> T | None:
    """What the caller asked for; None when it takes whatever is there."""
    return configure(kind, options, keywords, owner) if options or keywords else None


def _same(owner: str, wanted: object | None, existing: object) -> None:
    if wanted is not None and wanted != existing:
        raise ConfigurationError(
            f"{owner} exists already with other options: {existing!r}, not {wanted!r}"
        )
