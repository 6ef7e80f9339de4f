"""The families of Prometheus that only the server has: of its cache, its upstreams, its tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from medianest.cache.last_good_figures import LastGoodFigures
from medianest.health.log import LOG
from medianest.media.left_out import LEFT_OUT
from medianest.peers.counts import Counted
from medianest.peers.host import HostPeers
from medianest.web.throttle import Throttle

__all__ = ["dropped_records", "failed_attempts", "last_good", "left_out", "sharing"]


def last_good(figures: Iterable[LastGoodFigures]) -> Metric:
    """Whether there was a last good answer."""
    look_ups = CounterMetricFamily(
        "medianest_last_good_look_ups",
        "Look-ups of last good answers, by the tier that had it, or miss.",
        labels=("name", "outcome"),
    )
    for each in figures:
        service, operation, _ = each.name.split(":")
        name = f"{service}.{operation.replace('-', '_')}"  # as its circuit breaker is called
        look_ups.add_metric((name, "memory"), each.memory.served)
        look_ups.add_metric((name, "redis"), each.redis.served if each.redis is not None else 0)
        look_ups.add_metric((name, "miss"), each.misses)
    return look_ups


def left_out() -> Metric:
    """What nobody could understand."""
    elements = CounterMetricFamily(
        "medianest_left_out_elements",
        "Elements of upstreams' answers that nobody could understand.",
        labels=("service", "endpoint"),
    )
    for (service, endpoint), number in LEFT_OUT.by_endpoint().items():
        elements.add_metric((service, endpoint), number)
    return elements


def dropped_records() -> Metric:
    """What the log has lost."""
    dropped = CounterMetricFamily(
        "medianest_dropped_log_records", "Records of the log that could not be written."
    )
    dropped.add_metric((), LOG.dropped)
    return dropped


def failed_attempts(throttle: Throttle) -> Metric:
    """Who came without the right token."""
    family = CounterMetricFamily(
        "medianest_failed_attempts",
        "Requests without the right token, by what they had.",
        labels=("reason",),
    )
    for reason, number in throttle.counts().items():
        family.add_metric((reason,), number)
    return family


_MESSAGES: Final[tuple[Counted, ...]] = ("sent", "lost", "received", "unreadable")
_ANSWERS: Final[tuple[Counted, ...]] = ("answered", "silent", "late")


def sharing(peers: HostPeers) -> Iterator[Metric]:
    """What the workers of this host tell each other."""
    counts, members = peers.counts, peers.roster.members()
    messages = CounterMetricFamily(
        "medianest_sharing_messages", "Messages between workers.", labels=("outcome",)
    )
    for each in _MESSAGES:
        messages.add_metric((each,), counts.of(each))
    yield messages
    votes = CounterMetricFamily(
        "medianest_sharing_votes", "How often others were asked whether to open a circuit breaker."
    )
    votes.add_metric((), counts.of("asked"))
    yield votes
    answers = CounterMetricFamily(
        "medianest_sharing_answers", "Answers of others to votes.", labels=("outcome",)
    )
    for each in _ANSWERS:
        answers.add_metric((each,), counts.of(each))
    yield answers
    known = GaugeMetricFamily(
        "medianest_sharing_members", "Workers that know each other.", labels=("state",)
    )
    silent = sum(each.silent_since is not None for each in members)
    known.add_metric(("heard",), len(members) - silent)
    known.add_metric(("silent",), silent)
    yield known
