"""Recovery as a layer of a pipeline: the actions run when what is inside it has failed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import Any

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.last_good import LastGood
from medianest.resilience.naming import UNNAMED, name_for
from medianest.resilience.options import checked_name, is_whole
from medianest.resilience.outcome import Expected
from medianest.resilience.recovery.action import RecoveryContext
from medianest.resilience.recovery.good_answers import (
    GoodAnswer,
    GoodAnswers,
    Stale,
    as_it_is,
)
from medianest.resilience.recovery.manager import ErrorRecoveryManager
from medianest.resilience.recovery.operations import NamedOperation
from medianest.resilience.strategy import Invoke, Strategy

__all__ = ["Recovery"]

logger = logging.getLogger(__name__)

_NO_METADATA: Mapping[str, Any] = {}

_NOTHING: Any = object()


@tells_arguments
class Recovery(Strategy):
    """Hands a failed call to an ErrorRecoveryManager; a call that goes well pays two look-ups and
    one frame.

    `service` is whose failure it is; `operation` names the call: a name, which is registered with
    the manager, a function of the call's arguments, or None for the called function's own name.
    `metadata(*args, **kwargs)` tells the actions more about a call. The call is made at most
    `max_attempts` times in all.

    With `last_good`, good answers are kept there under `key(*args, **kwargs)`, and served for the
    errors of `handles` (None: any) and for refusals; `stale(answer, age, error)` marks them.
    `arguments` are the names of what a key is a tuple of, for rehearsals.
    """

    def __init__(
        self,
        manager: ErrorRecoveryManager,
        *,
        service: str,
        operation: str | Callable[..., str] | None = None,
        metadata: Callable[..., Mapping[str, Any]] | None = None,
        last_good: LastGood | None = None,
        key: Callable[..., Hashable] | None = None,
        arguments: Iterable[str] = (),
        handles: Expected | Iterable[Expected] | None = None,
        stale: Stale = as_it_is,
        max_attempts: int = 2,
    ) -> None:
        self.service = checked_name(service, "recovery")
        self._check_kinds(manager, operation, metadata)
        if not is_whole(max_attempts, at_least=1):
            raise ConfigurationError(
                f"recovery of {service!r}: max_attempts must be a whole number of at least 1, "
                f"not {max_attempts!r}"
            )
        self._good: GoodAnswers | None = None
        if last_good is not None:
            if not isinstance(operation, str) or key is None:
                raise ConfigurationError(
                    f"recovery of {service!r}: last_good needs a name as operation, and a key"
                )
            self._good = GoodAnswers(
                last_good,
                operation=operation,
                service=service,
                key=key,
                arguments=arguments,
                handles=handles,
                stale=stale,
            )
        elif key is not None or handles is not None:
            raise ConfigurationError(
                f"recovery of {service!r}: key and handles are for last_good alone"
            )
        self._manager = manager
        self._operation = operation
        self._metadata = metadata
        self._max_attempts = max_attempts
        if isinstance(operation, str):
            manager.register_operation(
                NamedOperation(
                    name=operation, service=service, max_attempts=max_attempts, good=self._good
                )
            )
        super().__init__()

    def _check_kinds(self, manager: object, operation: object, metadata: object) -> None:
        owner = f"recovery of {self.service!r}"
        if not isinstance(manager, ErrorRecoveryManager):
            raise ConfigurationError(f"{owner} needs an ErrorRecoveryManager, not {manager!r}")
        if not (operation is None or isinstance(operation, str) or callable(operation)):
            raise ConfigurationError(
                f"{owner}: operation must be a name or a function, not {operation!r}"
            )
        if not (metadata is None or callable(metadata)):
            raise ConfigurationError(f"{owner}: metadata must be a function, not {metadata!r}")

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose the recovery around `inner`."""
        turns, history = self._manager.turns, self._manager.history
        lasting = history.lasting
        if self._good is not None:
            inner = self._good.remembering(inner)

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            before = turns.repairs
            try:
                answer = inner(function, args, kwargs)
            except Exception as error:
                failed = error
            else:
                if lasting:
                    history.succeeded(self.service, self._name_of(function, args, kwargs))
                return answer
            # Outside the handler, so that an action's error does not have this one as its context.
            try:
                return self._recover(failed, before, inner, function, args, kwargs)
            finally:
                del failed

        return invoke

    def _recover(
        self,
        error: Exception,
        before: int,
        inner: Invoke,
        function: Callable[..., Any],
        args: Any,
        kwargs: Any,
    ) -> Any:
        name = self._name_of(function, args, kwargs)
        good = None
        if self._good is not None:
            good = self._good.of_call(args, kwargs)
            if good is not None:
                answer = self._repeat(error, good, name)
                if answer is not _NOTHING:
                    return answer
        context = RecoveryContext(
            operation=name,
            service=self.service,
            metadata=self._metadata_of(args, kwargs),
            good=good,
        )
        again = partial(inner, function, args, kwargs)
        try:
            return self._manager.recover(error, again, context, self._max_attempts, before)
        finally:
            del error  # its traceback knows this frame: each would keep the other

    def _repeat(self, error: Exception, good: GoodAnswer, name: str) -> Any:
        """A last good answer on the short way: in an outage that is counted already, when the
        last call got one and no other action had a say. Else _NOTHING."""
        manager = self._manager
        outage = manager.history.lasting.get((self.service, name))
        if outage is None or outage.repeats is not manager.actions:
            return _NOTHING
        now = manager.clock.now()
        if outage.wants_text(now) or good.declined(error) is not None:
            return _NOTHING
        try:
            answer = good.serve(error)
        except Exception:  # it goes the long way, which tells what is wrong
            return _NOTHING
        outage.repeat(now, good.age)
        return answer

    def _name_of(self, function: Callable[..., Any], args: Any, kwargs: Any) -> str:
        operation = self._operation
        if isinstance(operation, str):
            return operation
        if operation is not None:
            try:
                return str(operation(*args, **kwargs))
            except Exception:  # the call has an answer or an error of its own
                logger.exception("operation of the recovery of %r failed", self.service)
        return name_for(UNNAMED, function)

    def _metadata_of(self, args: Any, kwargs: Any) -> Mapping[str, Any]:
        if self._metadata is None:
            return _NO_METADATA
        try:
            return dict(self._metadata(*args, **kwargs))
        except Exception:
            logger.exception("metadata of the recovery of %r failed", self.service)
            return _NO_METADATA
