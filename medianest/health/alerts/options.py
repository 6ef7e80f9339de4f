"""When an alert is worth sending."""

from __future__ import annotations

from dataclasses import dataclass

from medianest.health.thresholds import Threshold
from medianest.resilience.options import number, whole

__all__ = ["AlertOptions"]


@dataclass(frozen=True)
class AlertOptions:
    """Thresholds and times of alerts; rates and shares are 0 to 1, times are seconds."""

    error_rate: Threshold = Threshold(0.05, 0.10)
    """Of the requests of the last minute, or of the calls to one dependency."""
    response_time: Threshold = Threshold(2.0, 5.0)
    """The 95th percentile of the same."""
    memory: Threshold = Threshold(0.75, 0.90)
    breakers_open: Threshold = Threshold(1, 3)
    hold: float = 30.0
    """How long something must last before it is told."""
    resolve_after: float = 30.0
    """How long it must be over before that is told."""
    cool_down: float = 300.0
    """After it was over, how long it is not told anew."""
    minimum_calls: int = 20
    """No rate and no percentile is judged over fewer calls."""

    def __post_init__(self) -> None:
        for name in ("hold", "resolve_after", "cool_down"):
            number(self, name, at_least=0.0)
        whole(self, "minimum_calls")
