"""Where operators register and remove dependencies, and where every process learns of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection

from medianest.dependencies.definition import Definition, is_name
from medianest.dependencies.probe import HealthProbe
from medianest.dependencies.url import HealthUrl, checked_url
from medianest.dependencies.url_check import UrlCheck
from medianest.health import Check, HealthMonitor
from medianest.resilience import ConfigurationError, ResilienceService
from medianest.storage.dependencies import DependencyConflictError, DependencyStore

__all__ = ["DependencyRegistrar"]

logger = logging.getLogger(__name__)


class DependencyRegistrar:
    """Registers dependencies while the program runs: each has its breaker, its bulkhead, its
    check and its place in the graph at once, and is kept in the database. Thread-safe.

    `check_of(name, criticality, run)` makes a check with the times of the settings; `reserved`
    are names that nobody else may have.
    """

    def __init__(
        self,
        store: DependencyStore,
        service: ResilienceService,
        monitor: HealthMonitor,
        probe: HealthProbe,
        check_of: Callable[..., Check],
        reserved: Collection[str],
    ) -> None:
        self._store = store
        self._service = service
        self._monitor = monitor
        self._probe = probe
        self._check_of = check_of
        self._reserved = frozenset(reserved) | {check.name for check in monitor.checks()}
        self._registered: dict[str, Definition] = {}
        self._changes = 0
        self._lock = threading.Lock()
        self._complained: set[str] = set()
        self.on_change: Callable[[], object] = lambda: None
        """Called when something was registered or removed here."""

    def register(self, definition: Definition, actor: str) -> bool:
        """Keep and watch a dependency; False when exactly that is registered already.

        Raises DependencyConflictError when its name is taken, UnknownDependencyError when it
        depends on something unknown, HealthUrlError, ForbiddenAddressError and UnresolvableError
        for its URL, and the errors of the database, in which case nothing has changed.
        """
        known = self._registered.get(definition.name)
        if known is None and self._is_taken(definition.name):
            raise DependencyConflictError(f"{definition.name!r} is built in or in use")
        if definition.health_check_url is not None and known != definition:
            self._probe.resolve(checked_url(definition.health_check_url))
        added = self._store.add(definition.as_dict(), actor, self._built_in())
        with self._lock:
            self._changes += 1
            if self._registered.get(definition.name) != definition:
                self._forget(definition.name)  # another process has removed what it was here
                self._watch(definition)
            is_watched = self._registered.get(definition.name) == definition
        if not is_watched:  # it depends on what only other processes know yet
            self.sync()
        self.on_change()
        return added

    def remove(self, name: str) -> bool:
        """Forget one; False when there is none of that name. Raises DependencyConflictError for
        one that is built in or needed by others, and the errors of the database."""
        if name not in self._registered and self._is_taken(name):
            raise DependencyConflictError(f"{name!r} is built in")
        removed = is_name(name) and self._store.remove(name)
        with self._lock:
            self._changes += 1
            self._forget(name)
            is_gone = name not in self._registered
        if not is_gone:  # others need it here that are gone elsewhere
            self.sync()
        self.on_change()
        return removed

    def definition(self, name: str) -> Definition | None:
        """What was registered under that name."""
        return self._registered.get(name)

    def sync(self) -> bool:
        """Learn what other processes registered and removed; False where it has to be done again.
        Raises the errors of the database."""
        changes = self._changes
        kept = [found for row in self._store.all() if (found := self._read(row)) is not None]
        with self._lock:
            if changes != self._changes:
                return False  # what was read may be older than what has been done here
            self._reconcile({definition.name: definition for definition in kept})
        return True

    def _read(self, row: dict[str, object]) -> Definition | None:
        try:
            definition = Definition.of(row)
            if definition.name in self._reserved:
                raise ConfigurationError(f"the name {definition.name!r} is reserved")
            return definition
        except (ConfigurationError, TypeError, KeyError, ValueError, AttributeError) as error:
            name = row.get("name") if isinstance(row, dict) else row
            self._complain(str(name)[:200], error)
            return None

    def _reconcile(self, wanted: dict[str, Definition]) -> None:
        # The newest first, as nothing can go that others depend on.
        for name in reversed(self._changed(wanted)):
            self._forget(name)
        for definition in _in_order(wanted):
            if definition.name not in self._registered:
                self._watch(definition)

    def _changed(self, wanted: dict[str, Definition]) -> list[str]:
        """What is gone or another one now, and all that depends on it, the oldest first."""
        changed: list[str] = []
        for name, known in self._registered.items():
            if wanted.get(name) != known or not set(changed).isdisjoint(known.depends_on):
                changed.append(name)
        return changed

    def _watch(self, definition: Definition) -> None:
        name, url = definition.name, definition.health_check_url
        try:
            check = self._check(definition, checked_url(url)) if url is not None else None
            self._service.register_dependency(
                name,
                definition.policy(),
                criticality=definition.criticality,
                type=definition.type,
                depends_on=definition.depends_on,
            )
        except (ConfigurationError, ValueError) as error:
            self._complain(name, error)
            return
        try:
            if check is not None:
                self._monitor.add(check)
        except ConfigurationError as error:
            self._service.registry.remove_dependency(name)
            self._complain(name, error)
        else:
            self._registered[name] = definition

    def _forget(self, name: str) -> None:
        if name not in self._registered:
            return
        try:
            self._service.registry.remove_dependency(name)
        except ConfigurationError as error:  # others that depend on it go first, next time
            self._complain(name, error)
            return
        self._monitor.remove(name)
        del self._registered[name]

    def _check(self, definition: Definition, url: HealthUrl) -> Check:
        run = UrlCheck(self._probe, url, definition.statuses())
        return self._check_of(definition.name, definition.criticality, run)

    def _built_in(self) -> frozenset[str]:
        names = {dependency.name for dependency in self._service.registry.dependencies()}
        return frozenset(names - self._registered.keys())

    def _is_taken(self, name: str) -> bool:
        registry = self._service.registry
        taken = {check.name for check in self._monitor.checks()} | self._reserved
        return name in taken | self._built_in() or registry.find_breaker(name) is not None

    def _complain(self, name: str, error: Exception) -> None:
        """Once: it is looked at again and again."""
        if name not in self._complained:
            self._complained.add(name)
            logger.warning("dependency %s cannot be watched: %s", name, error)


def _in_order(wanted: dict[str, Definition]) -> list[Definition]:
    """Each after those that it depends on; the clocks of hosts do not tell."""
    ordered, waiting = [], dict(wanted)
    while waiting:
        ready = [d for d in waiting.values() if waiting.keys().isdisjoint(d.depends_on)]
        for definition in ready or list(waiting.values()):  # a cycle cannot be watched anyway
            ordered.append(waiting.pop(definition.name))
    return ordered
