"""Listeners, a strategy of one's own, and a clock of one's own."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, assert_type

from medianest.resilience import CircuitBreaker, Clock, Strategy, SystemClock
from medianest.resilience.events import StateChanged, state_changed


def tell(event: StateChanged) -> None:
    assert_type(event.at, datetime)


state_changed.connect(tell)


class Counted(Strategy):
    def __init__(self) -> None:
        self.calls = 0
        super().__init__()

    def wrap(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            self.calls += 1
            return inner(function, args, kwargs)

        return invoke


@Counted()
def double(number: int) -> int:
    return 2 * number


assert_type(double(2), int)
clock: Clock = SystemClock()
CircuitBreaker("plex", clock=clock, random=lambda: 0.5)
CircuitBreaker("tmdb", clock=clock.now)
