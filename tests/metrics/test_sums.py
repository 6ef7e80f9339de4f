"""Figures of several processes as one."""

import itertools
import json
import random
from typing import Any

import pytest
from prometheus_client import PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from medianest.metrics import Gauge, Rule, gauge
from medianest.metrics.sums import Sums, document, folded

Shown = dict[tuple[str, tuple[str, ...]], float]


def of(*families: Metric, worker: str | None = None, elected: bool = False) -> Any:
    """As it comes out of a file."""
    return json.loads(json.dumps(document(families, worker, is_elected=elected)))


def counter(**values: float) -> Metric:
    family = CounterMetricFamily("calls", "How many.", labels=("name",))
    for name, value in values.items():
        family.add_metric((name,), value)
    return family


def states(name: str, **values: float) -> Metric:
    family = Gauge(
        "state", "1 for it.", Rule.WORST, ("name", "state"), ("closed", "open", "forced")
    )
    for state, value in values.items():
        family.add_metric((name, state), value)
    return family


def shown(*living: Any, dead: Any = ()) -> Shown:
    sums = Sums()
    for each in living:
        sums.add(each)
    for each in dead:
        sums.add(each, is_alive=False)
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in sums.families()
        for sample in family.samples
    }


def test_what_counts_is_summed_over_the_living_and_the_dead() -> None:
    found = shown(of(counter(a=1, b=2)), of(counter(b=3, c=4)), dead=[of(counter(a=10))])
    totals = {labels[0]: value for (name, labels), value in found.items() if name == "calls_total"}
    assert totals == {"a": 11, "b": 5, "c": 4}


def test_what_all_have_together_is_told_once() -> None:
    """Keeps out: ten places of a host that are forty with four workers."""
    places = Gauge("places", "Places.", Rule.SUM, labels=("name",), common=["plex"])
    for name, value in {"plex": 10, "background": 2}.items():
        places.add_metric((name,), value)
    found = shown(of(places), of(places), of(places), of(places))
    assert {labels[0]: value for (_, labels), value in found.items()} == {
        "plex": 10,
        "background": 8,
    }


def test_histograms_are_summed_bucket_by_bucket() -> None:
    def took(*counts: float, seconds: float) -> Any:
        family = HistogramMetricFamily("took", "How long.", labels=("name",))
        bounds = ("0.1", "1.0", "+Inf")
        family.add_metric(("a",), list(zip(bounds, counts, strict=True)), seconds)
        return of(family)

    found = shown(took(1, 2, 2, seconds=0.5), took(0, 5, 6, seconds=9.25))
    assert [v for (name, _), v in found.items() if name == "took_bucket"] == [1, 7, 8]
    assert found["took_count", ("a",)] == 8
    assert found["took_sum", ("a",)] == 9.75


@pytest.mark.parametrize(
    ("rule", "expected"), [(Rule.SUM, 6), (Rule.MAX, 3), (Rule.MIN, 1), (Rule.ELECTED, 2)]
)
def test_a_gauge_follows_its_rule(rule: Rule, expected: float) -> None:
    two, three, one = (of(gauge("level", "It.", rule, value)) for value in (2, 3, 1))
    assert shown(two, three, one) == {("level", ()): expected}


def test_of_the_dead_no_gauge_is_left() -> None:
    living, dead = (of(gauge("level", "It.", Rule.SUM, value)) for value in (2, 3))
    assert shown(living, dead=[dead]) == {("level", ()): 2}


def test_a_breaker_is_in_one_state_the_worst_that_it_has_anywhere() -> None:
    """Keeps out: closed and open at once, which a board that adds them up takes for another."""
    found = shown(
        of(states("plex", closed=1, open=0, forced=0)),
        of(states("plex", closed=0, open=1, forced=0), states("other", closed=1, open=0, forced=0)),
    )
    assert {labels: value for (_, labels), value in found.items()} == {
        ("plex", "closed"): 0,
        ("plex", "open"): 1,
        ("plex", "forced"): 0,
        ("other", "closed"): 1,
        ("other", "open"): 0,
        ("other", "forced"): 0,
    }


def test_what_is_of_a_process_says_of_which() -> None:
    families = [*ProcessCollector(registry=None).collect(), *PlatformCollector(None).collect()]
    found = shown(of(*families, worker="0"), of(*families, worker="1"))
    cpu = next(f for f in families if f.name == "process_cpu_seconds").samples[0].value
    assert found["process_cpu_seconds_total", ()] == pytest.approx(2 * cpu)
    assert ("process_resident_memory_bytes", ("0",)) in found
    assert ("process_resident_memory_bytes", ("1",)) in found


def test_two_without_a_number_are_told_once() -> None:
    """As while one worker takes the place of another: a sample twice is no exposition."""
    level = of(gauge("level", "It.", Rule.EACH, 1))
    assert shown(level, level) == {("level", ()): 1}


def test_no_sum_depends_on_its_order() -> None:
    """Keeps out: a counter that goes backwards by its last digit when another worker is asked."""
    chance = random.Random(7)
    for _ in range(50):
        parts = [of(counter(a=chance.random() * 10**n)) for n in (0, 1, 2, 3)]
        found = set()
        for one, two, three, four in itertools.permutations(parts):
            found.add(shown(one, two, three, four)["calls_total", ("a",)])
            kept = folded(folded(None, four), three)
            found.add(shown(one, two, dead=[kept])["calls_total", ("a",)])
        assert len(found) == 1


def test_what_is_kept_of_the_dead_is_what_counts() -> None:
    kept = folded(None, of(counter(a=1), gauge("level", "It.", Rule.SUM, 5), worker="3"))
    kept = json.loads(json.dumps(folded(kept, of(counter(a=2, b=1)))))
    assert shown(dead=[kept]) == {("calls_total", ("a",)): 3, ("calls_total", ("b",)): 1}


BAD: tuple[Any, ...] = (
    "text",
    None,
    [],
    {},
    {"worker": None, "families": 5},
    {"worker": None, "families": [[]]},
    {"worker": None, "families": [["calls", "", "counter", "total", [], [["calls_total", {}]]]]},
    *(
        {"worker": None, "families": [["calls", "", kind, rule, [], samples]]}
        for kind, rule, samples in (
            ("counter", "total", [["calls_total", {"a": "b"}, -1]]),
            ("counter", "total", [["calls_total", {"a": "b"}, float("nan")]]),
            ("counter", "total", [["calls_total", {"a": "b"}, float("inf")]]),
            ("counter", "total", [["calls_total", {"a": "b"}, "1"]]),
            ("counter", "total", [["calls_total", {"a": "b"}, True]]),
            ("counter", "total", [["calls_total", {"a": 1}, 1]]),
            ("counter", "total", [["calls_total", {'a="': "b"}, 1]]),
            ("counter", "total", [["calls_total", [], 1]]),
            ("counter", "total", [[5, {}, 1]]),
            ("counter", "total", [["others_total", {}, 1]]),
            ("counter", "sum", []),
            ("gauge", "total", []),
            ("gauge", "median", []),
            ("gauge", "worst", [["calls", {}, 1]]),
            ("nothing", "sum", []),
        )
    ),
    {"worker": None, "families": [["a b", "", "gauge", "sum", [], []]]},
)


@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_understood_adds_nothing(bad: Any) -> None:
    sums = Sums()
    with pytest.raises(ValueError, match=r"."):
        sums.add(bad)
    assert list(sums.families()) == []
    with pytest.raises(ValueError, match=r"."):
        folded(of(counter(a=1)), bad if bad is not None else "none")
