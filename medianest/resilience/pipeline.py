"""The pipeline: strategies composed once, outermost first. Every protected call runs one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.coalesce import Coalesce
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.options import checked_name
from medianest.resilience.patience import Patience
from medianest.resilience.strategy import Invoke, Strategy

__all__ = ["Pipeline"]

S = TypeVar("S", bound=Strategy)


@tells_arguments
class Pipeline(Strategy):
    """An immutable composition, for example
    `Pipeline("plex", [Fallback(...), Retry(...), breaker, Bulkhead(...), Deadline(5)])`.

    The first strategy is the outermost. A pipeline is a strategy itself, so pipelines nest.
    Raises ConfigurationError for anything in the list that is not a strategy, and for a Patience
    beneath a Coalesce, where it would do nothing.
    """

    def __init__(self, name: str, strategies: Iterable[Strategy]) -> None:
        self.name = checked_name(name, "pipeline")
        if isinstance(strategies, Strategy):
            raise ConfigurationError(f"pipeline {name!r} takes a list of strategies")
        self.strategies = tuple(strategies)
        for strategy in self.strategies:
            if not isinstance(strategy, Strategy):
                raise ConfigurationError(
                    f"pipeline {name!r}: {strategy!r} is not a strategy such as Retry(), "
                    f"CircuitBreaker(...) or Bulkhead(...)"
                )
        self._check_order()
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose all strategies around `inner`."""
        for strategy in reversed(self.strategies):
            inner = strategy.wrap(inner)
        return inner

    def find(self, kind: type[S]) -> S | None:
        """The outermost strategy of a kind, nested pipelines included."""
        for strategy in self.strategies:
            if isinstance(strategy, kind):
                return strategy
            if isinstance(strategy, Pipeline) and (found := strategy.find(kind)) is not None:
                return found
        return None

    def _check_order(self) -> None:
        """A call that is shared is waited for above: beneath, patience would keep nobody waiting
        less."""
        is_shared = False
        for strategy in self._flat():
            is_shared = is_shared or isinstance(strategy, Coalesce)
            if is_shared and isinstance(strategy, Patience):
                raise ConfigurationError(
                    f"pipeline {self.name!r}: Patience does nothing beneath Coalesce; put it "
                    f"directly around it: Fallback(...), Patience(...), Coalesce(...)"
                )

    def _flat(self) -> Iterator[Strategy]:
        for strategy in self.strategies:
            if isinstance(strategy, Pipeline):
                yield from strategy._flat()
            else:
                yield strategy

    def __repr__(self) -> str:
        kinds = " > ".join(type(strategy).__name__ for strategy in self.strategies)
        return f"<Pipeline {self.name!r} {kinds or 'empty'}>"
