"""A ResilienceService that also knows how its dependencies are; for programs of any kind."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

from medianest.dependencies.statuses import SUCCESS, ExpectedStatus, Statuses
from medianest.extras import extra
from medianest.health import (
    Check,
    DependencyHealth,
    HealthMonitor,
    Result,
    Status,
    overall_status,
)
from medianest.resilience import (
    CircuitBreaker,
    Clock,
    ConfigurationError,
    Criticality,
    Dependency,
    DependencyType,
    ErrorRecoveryManager,
    Fallback,
    Policy,
    Registry,
    ResilienceService,
)
from medianest.resilience.arguments import tells_arguments
from medianest.resilience.handlers import Handler
from medianest.resilience.keywords import PolicyKeywords
from medianest.resilience.options import MAX_SECONDS

if TYPE_CHECKING:
    from medianest.dependencies.probe import HealthProbe
    from medianest.dependencies.url_check import UrlCheck

__all__ = ["MonitoredService"]

_EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
"""A URL in a program is its author's own: only what no health check ever needs is refused."""

_INTERVAL = 10.0
_TIMEOUT = 3.0


@tells_arguments
class MonitoredService(ResilienceService):
    """Protects calls to dependencies, and looks at their health in the background.

        service = MonitoredService()
        service.register_dependency("nas", type="internal-service", criticality="important",
                                    health_check_url="http://192.168.1.10:5000/")
        service.register_dependency("weather", health_check=lambda: weather.ping())
        with service.monitor:
            service.health("nas").status

    Nothing is looked at before `monitor.start()`, which the `with` block calls. Thread-safe.
    """

    def __init__(
        self,
        registry: Registry | None = None,
        *,
        clock: Clock | Callable[[], float] | None = None,
        recovery: ErrorRecoveryManager | None = None,
    ) -> None:
        super().__init__(registry, clock=clock, recovery=recovery)
        self.monitor = HealthMonitor(self.registry.clock)

    def register_dependency(
        self,
        name: str,
        policy: Policy | None = None,
        *,
        type: DependencyType = "external-api",  # noqa: A002  # its name in the HTTP API as well
        criticality: Criticality = "optional",
        health_check: Callable[[], Result] | None = None,
        health_check_url: str | None = None,
        expected_status: ExpectedStatus = SUCCESS,
        health_check_interval: float = _INTERVAL,
        health_check_timeout: float = _TIMEOUT,
        service: str | None = None,
        depends_on: Iterable[str] = (),
        fallback: Fallback | Handler | None = None,
        recovery: bool = False,
        operations: Iterable[CircuitBreaker] = (),
        **policy_options: Unpack[PolicyKeywords],
    ) -> Dependency:
        """Register a dependency, as ResilienceService does, and watch its health.

        `health_check` returns None, True or False, a Status or a Finding; what it raises means
        unhealthy. Or `health_check_url` is asked with GET and answers with an `expected_status`:
        a number, a range such as "200-399", or a list. Redirects are not followed. Every
        `health_check_interval` seconds; what waits below ends after `health_check_timeout`.

        Raises ConfigurationError for a wrong option or a taken name; nothing has changed then.
        """
        run = self._run(health_check, health_check_url, expected_status)
        times = health_check_interval, health_check_timeout
        check = _check(name, run, criticality, *times)
        made = super().register_dependency(
            name,
            policy,
            type=type,
            criticality=criticality,
            service=service,
            depends_on=depends_on,
            fallback=fallback,
            recovery=recovery,
            operations=operations,
            **policy_options,
        )
        if check is not None:
            self._watch(check)
        return made

    def remove_dependency(self, name: str) -> Dependency:
        """Forget a dependency, and look at it no longer. Raises UnknownNameError, and
        ConfigurationError while others depend on it."""
        gone = self.registry.remove_dependency(name)
        self.monitor.remove(name)
        return gone

    def health(self, name: str) -> DependencyHealth:
        """A dependency as its health check and its breaker see it. Raises UnknownNameError."""
        return self._seen(self.registry.dependency(name))

    def all_health(self) -> list[DependencyHealth]:
        """All dependencies, each after those that it depends on."""
        return [self._seen(dependency) for dependency in self.registry.dependencies()]

    @property
    def status(self) -> Status:
        """How well the whole is: a critical dependency that is unhealthy makes it so, any other
        trouble of a critical or important one degrades it."""
        return overall_status((d.dependency.criticality, d.status) for d in self.all_health())

    def _seen(self, dependency: Dependency) -> DependencyHealth:
        checks = {component.name: component for component in self.monitor.components()}
        return DependencyHealth.of(dependency, checks.get(dependency.name))

    def _watch(self, check: Check) -> None:
        try:
            self.monitor.add(check)
        except ConfigurationError:  # a check of that name was added by hand
            self.registry.remove_dependency(check.name)
            raise

    def _run(
        self, check: Callable[[], Result] | None, url: str | None, expected: ExpectedStatus
    ) -> Callable[[], Result] | None:
        if check is not None and url is not None:
            raise ConfigurationError("give health_check or health_check_url, not both")
        statuses = Statuses.of(expected)
        if url is not None:
            return self._url_check(url, statuses)
        if statuses.text != SUCCESS:
            raise ConfigurationError("expected_status: goes with a health_check_url only")
        return check

    def _url_check(self, url: str, statuses: Statuses) -> UrlCheck:
        from medianest.dependencies.url import checked_url

        with extra("requests"):
            from medianest.dependencies.url_check import UrlCheck

        if not isinstance(url, str):
            raise ConfigurationError(f"health_check_url: must be a text, not {url!r}")
        try:
            return UrlCheck(self._probe, checked_url(url), statuses)
        except ValueError as error:
            raise ConfigurationError(f"health_check_url: {error}") from None

    @cached_property
    def _probe(self) -> HealthProbe:
        # Not above: who has no URL to ask need not load an HTTP client.
        from medianest.dependencies.addresses import Addresses
        from medianest.dependencies.probe import HealthProbe

        # Each check has a timeout of its own.
        return HealthProbe(Addresses(_EVERYWHERE), timeout=MAX_SECONDS, clock=self.registry.clock)


def _check(
    name: str,
    run: Callable[[], Result] | None,
    criticality: Criticality,
    interval: float,
    timeout: float,
) -> Check | None:
    if run is not None:
        return Check(name, run, "external", criticality, interval, timeout)
    if (interval, timeout) != (_INTERVAL, _TIMEOUT):
        raise ConfigurationError(
            f"dependency {name!r}: health_check_interval and health_check_timeout go with "
            f"health_check or health_check_url"
        )
    return None
