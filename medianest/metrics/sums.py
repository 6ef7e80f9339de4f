"""Families of several processes as one: what counts is summed, gauges follow the rule that each
declares.

What a process has goes through a file, as a document of lists and objects. One that cannot be
understood raises ValueError.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from prometheus_client.core import Metric

from medianest.metrics.gauge import Gauge, Rule

__all__ = ["Sums", "document", "folded"]

_COUNTED: Final = frozenset({"counter", "histogram", "summary"})
_TOTAL: Final = "total"
"""The rule of families that count."""
_RULES: Final = frozenset({_TOTAL, *(each.value for each in Rule)})
_DIGITS: Final = 6
"""Of what counts: so that a sum is the same in whatever order it is made, and never less."""

_MERGES: Final[dict[str, Callable[[float, float], float]]] = {
    _TOTAL: lambda one, other: round(one + other, _DIGITS),
    Rule.SUM: operator.add,
    Rule.MAX: max,
    Rule.MIN: min,
    Rule.WORST: max,
}
"""What two of a sample are; of the others the first one holds."""

Sample = tuple[str, tuple[tuple[str, str], ...]]


def document(families: Iterable[Metric], worker: str | None, *, is_elected: bool) -> dict[str, Any]:
    """The families of one process, whose number among several is `worker`."""
    rows = [
        [family.name, family.documentation, family.type, *_rule(family), _samples(family)]
        for family in families
    ]
    return {"worker": worker, "elected": is_elected, "families": rows}


def _samples(family: Metric) -> list[list[Any]]:
    if family.type in _COUNTED:
        return [[each.name, each.labels, round(each.value, _DIGITS)] for each in family.samples]
    return [[each.name, each.labels, each.value] for each in family.samples]


def folded(kept: Any, of_dead: Any) -> dict[str, Any]:
    """What counts of both. Raises ValueError."""
    sums = Sums()
    for each in (kept, of_dead):
        if each is not None:
            sums.add(each, is_alive=False)
    return sums.document()


def _rule(family: Metric) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    if family.type in _COUNTED:
        return _TOTAL, (), ()
    if isinstance(family, Gauge):
        return family.rule, family.order, family.common
    return Rule.EACH, (), ()  # such as what prometheus_client tells of a process


@dataclass(slots=True)
class _Family:
    name: str
    about: str
    type: str
    rule: str
    order: tuple[str, ...]
    common: tuple[str, ...]
    samples: dict[Sample, float] = field(default_factory=dict)

    def merge(self, other: _Family, worker: str | None) -> None:
        """Add the samples of another process."""
        merged, samples = _MERGES.get(self.rule), self.samples
        number = (("worker", worker),) if worker is not None and self.rule == Rule.EACH else ()
        for (name, labels), value in other.samples.items():
            key = (name, labels + number)
            known = samples.get(key)
            if known is None:
                samples[key] = value
            elif merged is not None and not (labels and labels[-1][1] in self.common):
                samples[key] = merged(known, value)

    def shown(self) -> dict[Sample, float]:
        """What is told of it."""
        if self.rule != Rule.WORST:
            return self.samples
        ranks = {value: rank for rank, value in enumerate(self.order)}
        found = {(n, labels): (n, labels[:-1]) for n, labels in self.samples}
        worst = dict.fromkeys(found.values(), -1)
        for sample, of in found.items():
            if self.samples[sample]:
                worst[of] = max(worst[of], ranks.get(_last(sample), -1))
        return {each: float(ranks.get(_last(each)) == worst[of]) for each, of in found.items()}


def _last(sample: Sample) -> str:
    """The value of its last label."""
    return sample[1][-1][1]


class Sums:
    """Documents as one. Of what only one process tells, the first one added is believed."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}

    def add(self, document: Any, *, is_alive: bool = True) -> None:
        """Add one; of the dead only what counts. Raises ValueError, and has added nothing then."""
        try:
            worker = document["worker"]
            families = [_family(*each) for each in document["families"]]
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise ValueError(f"no figures: {error}") from None
        for each in families:
            if is_alive or each.rule == _TOTAL:
                empty = replace(each, samples={})
                known = self._families.setdefault(each.name, empty)
                known.merge(each, None if worker is None else str(worker))

    def families(self) -> Iterator[Metric]:
        """All of them together."""
        for each in self._families.values():
            family = Metric(each.name, each.about, each.type)
            for (name, labels), value in each.shown().items():
                family.add_sample(name, dict(labels), value)
            yield family

    def document(self) -> dict[str, Any]:
        """As one document, of nobody who lives."""
        rows = [
            [
                *(each.name, each.about, each.type, each.rule, each.order, each.common),
                [[sample, dict(labels), value] for (sample, labels), value in each.samples.items()],
            ]
            for each in self._families.values()
        ]
        return {"worker": None, "elected": False, "families": rows}


def _family(
    name: str, about: str, type_: str, rule: str, order: Any, common: Any, samples: Any
) -> _Family:
    if rule not in _RULES or (rule == _TOTAL) != (type_ in _COUNTED):
        raise ValueError(f"{name} is no {type_} of the rule {rule}")
    if not _is_name(name):
        raise ValueError(f"{name} is no name")
    Metric(name, about, type_)  # raises ValueError where there is none of that type
    found = {
        (_text(sample), tuple(labels.items())): _number(value, counts=rule == _TOTAL)
        for sample, labels, value in samples
    }
    for sample, labels in found:
        is_sample = _is_name(sample) and sample.startswith(name)
        if not is_sample or (rule == Rule.WORST and not labels):
            raise ValueError(f"{sample} is no sample of {name}")
        for label, value in labels:
            if not _is_name(label) or not isinstance(value, str):
                raise ValueError(f"{label} is no label of {name}")
    return _Family(name, str(about), type_, rule, tuple(order), tuple(common), found)


def _is_name(text: str) -> bool:
    return text.isascii() and text.isidentifier()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.50} is no text")
    return value


def _number(value: Any, *, counts: bool) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r:.50} is no number")
    if counts and not 0 <= value < math.inf:
        raise ValueError(f"{value!r:.50} counts nothing")
    return value
