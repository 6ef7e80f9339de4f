"""Recovery as a layer of a pipeline: the actions run when what is inside it has failed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any

from medianest.resilience.errors import ConfigurationError
from medianest.resilience.options import checked_name, is_whole
from medianest.resilience.recovery.action import RecoveryContext
from medianest.resilience.recovery.manager import ErrorRecoveryManager
from medianest.resilience.strategy import Invoke, Strategy

__all__ = ["Recovery"]

_NO_METADATA: Mapping[str, Any] = {}


class Recovery(Strategy):
    """Hands a failed call to an ErrorRecoveryManager; a call that goes well pays one attribute
    read and one frame.

    `service` is whose failure it is; `operation` names the call: a name, a function of the call's
    arguments, or None for the called function's own name. `metadata(*args, **kwargs)` tells the
    actions more about a call, `cache_key(*args, **kwargs)` under what its good answers are kept.
    The call is made at most `max_attempts` times in all.
    """

    def __init__(
        self,
        manager: ErrorRecoveryManager,
        *,
        service: str,
        operation: str | Callable[..., str] | None = None,
        metadata: Callable[..., Mapping[str, Any]] | None = None,
        cache_key: Callable[..., Hashable] | None = None,
        max_attempts: int = 2,
    ) -> None:
        self.service = checked_name(service, "recovery")
        if not is_whole(max_attempts, at_least=1):
            raise ConfigurationError(
                f"recovery of {service!r}: max_attempts must be a whole number of at least 1, "
                f"not {max_attempts!r}"
            )
        self._manager = manager
        self._operation = operation
        self._metadata = metadata
        self._cache_key = cache_key
        self._max_attempts = max_attempts
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose the recovery around `inner`."""
        turns, innermost = self._manager.turns, inner
        if self._cache_key is not None:
            inner = self._remembering(innermost)

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            before = turns.repairs
            try:
                return inner(function, args, kwargs)
            except Exception as error:
                failed = error
            # Outside the handler, so that an action's error does not have this one as its context.
            try:
                return self._recover(failed, before, innermost, function, args, kwargs)
            finally:
                del failed

        return invoke

    def _remembering(self, inner: Invoke) -> Invoke:
        manager, key_of = self._manager, self._cache_key
        assert key_of is not None

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            asked_at = manager.asked_at()
            answer = inner(function, args, kwargs)
            manager.remember(key_of(*args, **kwargs), answer, asked_at)
            return answer

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
        context = RecoveryContext(
            operation=self._name_of(function, args, kwargs),
            service=self.service,
            metadata=self._metadata(*args, **kwargs) if self._metadata else _NO_METADATA,
            cache_key=self._cache_key(*args, **kwargs) if self._cache_key else None,
        )
        again = partial(inner, function, args, kwargs)
        return self._manager.recover(error, again, context, self._max_attempts, before)

    def _name_of(self, function: Callable[..., Any], args: Any, kwargs: Any) -> str:
        if callable(self._operation):
            return self._operation(*args, **kwargs)
        name = getattr(function, "__qualname__", None) or type(function).__qualname__
        return self._operation or name
