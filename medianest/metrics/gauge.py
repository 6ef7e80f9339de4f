"""Gauges that say what several processes have of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from prometheus_client.core import GaugeMetricFamily

__all__ = ["Gauge", "Rule", "gauge"]


class Rule(StrEnum):
    """What a gauge of several processes is."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"
    WORST = "worst"
    """Of the values of the last label, the last in the given order that any process has as 1."""
    ELECTED = "elected"
    """That of the elected process: of what is the same for all, and looked at by each in turn."""
    EACH = "each"
    """Each process has its own, with its number as the label `worker`."""


class Gauge(GaugeMetricFamily):
    """A family of gauges with its rule; `order` are the values of the last label, the worst last,
    where the rule is WORST. `common` are those of which each process tells what all have together:
    there the first one holds, whatever the rule."""

    def __init__(
        self,
        name: str,
        about: str,
        rule: Rule,
        labels: Sequence[str] = (),
        order: Sequence[str] = (),
        common: Sequence[str] = (),
    ) -> None:
        super().__init__(name, about, labels=labels)
        self.rule, self.order, self.common = rule, tuple(order), tuple(common)


def gauge(name: str, about: str, rule: Rule, value: float, labels: Mapping[str, str] = {}) -> Gauge:
    """One value."""
    family = Gauge(name, about, rule, tuple(labels))
    family.add_metric(tuple(labels.values()), value)
    return family
