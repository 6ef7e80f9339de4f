"""The pipeline: strategies composed once, outermost first. Every protected call runs one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from medianest.resilience.errors import ConfigurationError
from medianest.resilience.options import checked_name
from medianest.resilience.strategy import Invoke, Strategy

__all__ = ["Pipeline"]

S = TypeVar("S", bound=Strategy)


class Pipeline(Strategy):
    """An immutable composition, for example
    `Pipeline("plex", [Fallback(...), Retry(...), breaker, Bulkhead(...), Deadline(5)])`.

    The first strategy is the outermost. A pipeline is a strategy itself, so pipelines nest.
    Raises ConfigurationError for anything in the list that is not a strategy.
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

    def __repr__(self) -> str:
        kinds = " > ".join(type(strategy).__name__ for strategy in self.strategies)
        return f"<Pipeline {self.name!r} {kinds or 'empty'}>"
