"""ResilienceService: the facade through which a program protects its calls by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar, Unpack

from medianest.resilience.arguments import named_options, tells_arguments
from medianest.resilience.budget import USUAL, RetryBudget, Usual
from medianest.resilience.circuit_breaker.breaker import CircuitBreaker
from medianest.resilience.clock import Clock
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.fallback import Fallback
from medianest.resilience.handlers import Handler
from medianest.resilience.keywords import PolicyKeywords, RecoveryContextKeywords, RetryKeywords
from medianest.resilience.naming import UNNAMED
from medianest.resilience.options import BulkheadOptions, RetryOptions, configure
from medianest.resilience.pipeline import Pipeline
from medianest.resilience.policy import Policy
from medianest.resilience.recovery import ErrorRecoveryManager, RecoveryContext
from medianest.resilience.registry import Criticality, Dependency, DependencyType, Registry
from medianest.resilience.retry import Retry

__all__ = ["ResilienceService"]

P = ParamSpec("P")
T = TypeVar("T")


@tells_arguments
class ResilienceService:
    """Protects calls to named dependencies; all state lives in its registry. Thread-safe.

    An `operation` is a synchronous function without arguments; for `execute`, they may follow it.
    """

    def __init__(
        self,
        registry: Registry | None = None,
        *,
        clock: Clock | Callable[[], float] | None = None,
        recovery: ErrorRecoveryManager | None = None,
    ) -> None:
        if registry is not None and not isinstance(registry, Registry):
            raise ConfigurationError(f"registry must be a Registry, not {registry!r}")
        if recovery is not None and not isinstance(recovery, ErrorRecoveryManager):
            raise ConfigurationError(f"recovery must be an ErrorRecoveryManager, not {recovery!r}")
        self.registry = registry if registry is not None else Registry(clock=clock)
        self.recovery = recovery or ErrorRecoveryManager(clock=self.registry.clock)

    def register_dependency(
        self,
        name: str,
        policy: Policy | None = None,
        *,
        criticality: Criticality = "optional",
        type: DependencyType = "external-api",  # noqa: A002  # its name in the HTTP API as well
        service: str | None = None,
        depends_on: Iterable[str] = (),
        fallback: Fallback | Handler | None = None,
        recovery: bool = False,
        operations: Iterable[CircuitBreaker] = (),
        **policy_options: Unpack[PolicyKeywords],
    ) -> Dependency:
        """Register a dependency and build its pipeline; with `recovery`, the actions of the
        recovery manager run when a call has failed. `service` names its breaker, its bulkhead and
        its budget; None: as the dependency. `operations` are breakers of single operations of it.

        `policy_options` are the fields of Policy, given instead of one. Raises
        ConfigurationError for a wrong option or a taken name.
        """
        own = named_options(self.register_dependency)
        if "health_check" not in own:
            _refuse_health_checks(name, policy_options)
        policy = configure(Policy, policy, policy_options, f"dependency {name!r}", *own)
        if not isinstance(depends_on, str):
            depends_on = tuple(depends_on)
        self.registry.check_dependency(name, criticality, depends_on, type)
        service = name if service is None else service
        self.registry.check_options(service, policy.circuit_breaker, policy.bulkhead)
        manager = self.recovery if recovery else None
        pipeline = policy.build(service, self.registry, _as_fallback(service, fallback), manager)
        return self.registry.add_dependency(
            Dependency(name, criticality, pipeline, tuple(depends_on), type, tuple(operations))
        )

    def pipeline(self, name: str) -> Pipeline:
        """The pipeline of a registered dependency. Raises UnknownNameError."""
        return self.registry.dependency(name).pipeline

    def execute(
        self, name: str, operation: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run an operation through the whole pipeline of a registered dependency."""
        return self.pipeline(name).call(operation, *args, **kwargs)

    @tells_arguments
    def execute_with_circuit_breaker(
        self,
        name: str,
        operation: Callable[[], T],
        fallback: Callable[[BaseException], T] | Callable[[], T] | None = None,
    ) -> T:
        """Run an operation under the breaker `name`, made with defaults if there is none."""
        breaker = self.registry.breaker(name)
        if fallback is None:
            return breaker.call(operation)
        return Pipeline(name, [Fallback(fallback, name=name), breaker]).call(operation)

    def execute_with_retry(
        self,
        operation: Callable[[], T],
        *,
        name: str | None = None,
        budget: RetryBudget | Usual | None = USUAL,
        **options: Unpack[RetryKeywords],
    ) -> T:
        """Run an operation with retries; `options` are the fields of RetryOptions.

        With the `name` of a dependency its retry budget pays, unless another one is given, or
        None; without a name `max_attempts` is the only bound.
        """
        wanted = configure(RetryOptions, None, options, "execute_with_retry", "name", "budget")
        if budget is USUAL:
            budget = None if name is None else self.registry.budget(name)
        retry = Retry(wanted, name=name or UNNAMED, budget=budget, clock=self.registry.clock)
        return retry.call(operation)

    @tells_arguments
    def execute_with_bulkhead(
        self, compartment: str, operation: Callable[[], T], max_concurrent: int | None = None
    ) -> T:
        """Run an operation in a compartment, made with `max_concurrent` places (10 when None) by
        the first call. Raises ConfigurationError when a later one wants another number."""
        bulkhead = self.registry.find_bulkhead(compartment)
        if bulkhead is None or max_concurrent not in (None, bulkhead.options.max_concurrent):
            options = None if max_concurrent is None else BulkheadOptions(max_concurrent)
            bulkhead = self.registry.bulkhead(compartment, options)
        return bulkhead.call(operation)

    @tells_arguments
    def with_recovery(
        self,
        operation: Callable[[], T],
        context: RecoveryContext | RecoveryContextKeywords | None = None,
        *,
        enable_recovery: bool = True,
        max_attempts: int = 3,
    ) -> T | Any:
        """Run an operation; when it fails, what the recovery actions make of it."""
        return self.recovery.with_recovery(
            operation, context, enable_recovery=enable_recovery, max_attempts=max_attempts
        )

    def protected(self, name: str) -> Pipeline:
        """Decorate a function so that it runs through the pipeline of a registered dependency."""
        return self.pipeline(name)


def _as_fallback(name: str, fallback: Fallback | Handler | None) -> Fallback | None:
    if fallback is None or isinstance(fallback, Fallback):
        return fallback
    return Fallback(fallback, name=name)


def _refuse_health_checks(name: str, options: Mapping[str, Any]) -> None:
    if given := [option for option in options if option.startswith("health_check")]:
        raise ConfigurationError(
            f"dependency {name!r}: {', '.join(given)} is for medianest.dependencies."
            f"MonitoredService, which also looks at its dependencies"
        )
