"""The processes of a host look as one: the elected one looks at what is outside and judges alerts,
and tells the others, so that the next one goes on from there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from medianest.health import Check
from medianest.health.alerts import RuleResult, Silence
from medianest.jobs import Job
from medianest.media.plex.service import Plex
from medianest.monitoring.checks import QUEUE
from medianest.monitoring.monitoring import Monitoring
from medianest.peers.host import HostPeers
from medianest.resilience import CallRefusedError, Clock
from medianest.storage import StorageError

__all__ = ["Together"]

_EVERY: Final = 1.0
_SILENT: Final = 15.0
"""Seconds after which who has told nothing counts no more."""
_HEARD_WITHIN: Final = 0.25
"""How long who has changed something waits for the others, in seconds."""
_MOST: Final = 40_000
"""Bytes of what is told at once."""
_ALL_AT: Final = 5
"""Of so many times, how often what has not changed is told as well: it may have been lost."""

_CHECKS, _ALERTS, _READINGS = "checks", "alerts", "readings"
_DEPENDENCIES, _SILENCES = "dependencies", "silences"

_OWN: Final = ("error-rate", "response-time", "breakers-open", "memory")
"""Rules about what each process sees for itself."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What another process has told last of what it sees for itself: what the rules say, what is
    wrong with Plex although it answers, and when that was."""

    readings: list[RuleResult]
    trouble: str | None
    at: float


class Together:
    """Has several processes do `watch`'s work once. Thread-safe."""

    def __init__(self, watch: Monitoring, plex: Plex, peers: HostPeers, clock: Clock) -> None:
        self._watch, self._plex, self._peers, self._clock = watch, plex, peers, clock
        self.told_at = clock.now()
        self._elsewhere: dict[str, _Seen] = {}
        self._told: dict[str, str] = {}
        """What was told of each check last."""
        self._turn = 0
        watch.evaluate = self.evaluate
        watch.alerts.elsewhere = self._readings_elsewhere
        plex.trouble_elsewhere = self._trouble_elsewhere
        watch.dependencies.on_change = partial(self._announce, _DEPENDENCIES)
        watch.silences.on_change = self._tell_silence
        peers.announcements.on(_DEPENDENCIES, self._learn_dependencies, takes_time=True)
        peers.announcements.on(_SILENCES, self._learn_silences, takes_time=True)
        for topic, act in (
            (_CHECKS, self._adopt_checks),
            (_ALERTS, self._adopt_alerts),
            (_READINGS, self._hear_readings),
            (_SILENCES, self._hear_silence),
        ):
            peers.bulletins.on(topic, act)

    def job(self) -> Job:
        """What is done beside the requests."""
        return Job(
            name="tell the other workers",
            run=self.tell,
            every=_EVERY,
            at_start=self.begin,
            must_go_on=True,
        )

    def begin(self) -> None:
        """Wait for what the elected one tells: a process may begin long after it was set up."""
        self.told_at = self._clock.now()

    @property
    def is_judge(self) -> bool:
        """Whether this process looks at what is outside, and judges: it is elected, or whoever is
        has told nothing for long."""
        return self._peers.is_elected or self._clock.now() - self.told_at > _SILENT

    # -- what is done by one -----------------------------------------------------------------------

    def run(self, name: str) -> None:
        """Run a check, unless another process does."""
        if self.is_judge or all(_is_own(each) for each in self._checks(name)):
            self._watch.monitor.run(name)

    def _checks(self, name: str) -> Iterator[Check]:
        return (check for check in self._watch.monitor.checks() if check.name == name)

    def evaluate(self) -> None:
        """Judge the alerts, or tell the one that does what is seen here."""
        if self.is_judge:
            self._watch.alerts.evaluate()
            return
        found = [each for each in self._watch.alerts.readings() if each.rule in _OWN]
        bad = [each.as_dict() for each in found if each.severity is not None]
        self._peers.bulletins.tell(_READINGS, {"readings": bad, "trouble": self._plex.trouble})

    def tell(self) -> None:
        """Tell the others what was found, where this process is the elected one."""
        if not self._peers.is_elected or len(self._peers.members()) < 2:
            self._told.clear()
            return
        shared = {each.name for each in self._watch.monitor.checks() if not _is_own(each)}
        records = [each for each in self._watch.monitor.records() if each["name"] in shared]
        for part in _parts(self._news(records)):
            self._peers.bulletins.tell(_CHECKS, {"records": part})
        self._tell_alerts()

    def _tell_alerts(self) -> None:
        records = self._watch.alerts.records()
        sized = [({"key": key, **each}, len(json.dumps(each))) for key, each in records.items()]
        for part in _parts(sized):
            told = {each["key"]: each for each in part}
            self._peers.bulletins.tell(_ALERTS, {"records": told, "known": list(records)})

    def _news(self, records: Iterable[dict[str, Any]]) -> list[tuple[dict[str, Any], int]]:
        """What has changed since it was told last, now and then all of it; with its length."""
        self._turn = (self._turn + 1) % _ALL_AT
        texts = {each["name"]: (each, json.dumps(each, default=str)) for each in records}
        news = [
            (each, len(text))
            for name, (each, text) in texts.items()
            if self._turn == 0 or self._told.get(name) != text
        ]
        self._told = {name: text for name, (_, text) in texts.items()}
        return news

    # -- what the elected one tells ----------------------------------------------------------------

    def _adopt_checks(self, sender: str, body: dict[str, Any]) -> None:
        if self._peers.is_elected:
            return
        self.told_at = self._clock.now()
        if self._watch.monitor.adopt(body["records"]):
            self._watch.reporter.forget()

    def _adopt_alerts(self, sender: str, body: dict[str, Any]) -> None:
        if not self._peers.is_elected and self._watch.alerts.adopt(body["records"], body["known"]):
            self._watch.reporter.forget()

    # -- what the others tell ----------------------------------------------------------------------

    def _hear_readings(self, sender: str, body: dict[str, Any]) -> None:
        found, trouble = [RuleResult.of(each) for each in body["readings"]], body["trouble"]
        self._elsewhere[sender] = _Seen(found, trouble and str(trouble), self._clock.now())

    def _readings_elsewhere(self) -> list[RuleResult]:
        return [reading for seen in self._seen() for reading in seen.readings]

    def _trouble_elsewhere(self) -> str | None:
        return next((seen.trouble for seen in self._seen() if seen.trouble), None)

    def _seen(self) -> list[_Seen]:
        """By those that live, and have told so lately."""
        if not self._elsewhere:
            return []
        now, living = self._clock.now(), set(self._peers.members())
        for name, seen in list(self._elsewhere.items()):
            if name not in living or now - seen.at > _SILENT:
                self._elsewhere.pop(name, None)
        return list(self._elsewhere.values())

    # -- what operators change ---------------------------------------------------------------------

    def _announce(self, topic: str) -> None:
        self._peers.announcements.announce(topic, _HEARD_WITHIN)

    def _tell_silence(self, silence: Silence) -> None:
        """Also while the database is away, where the others could not read it."""
        self._peers.bulletins.tell(_SILENCES, silence.as_dict())
        if self._watch.silences.is_kept(silence):
            self._announce(_SILENCES)

    def _hear_silence(self, sender: str, body: dict[str, Any]) -> None:
        self._watch.silences.learn(Silence.of(body))
        self._watch.reporter.forget()

    def _learn_silences(self) -> bool:
        return self._learned(self._watch.silences.sync)

    def _learn_dependencies(self) -> bool:
        return self._learned(self._watch.dependencies.sync)

    def _learned(self, sync: Callable[[], bool | None]) -> bool:
        """Whether all is known now that the database has; else it is said again soon."""
        try:
            is_done = sync() is not False
        except (StorageError, CallRefusedError):
            return False
        self._watch.reporter.forget()
        return is_done


def _is_own(check: Check) -> bool:
    """Whether a check is of the process itself."""
    return check.kind == "internal" and check.name != QUEUE


def _parts(records: Iterable[tuple[dict[str, Any], int]]) -> Iterator[list[dict[str, Any]]]:
    """As many as fit into one message; one at least, which tells that all goes on."""
    part: list[dict[str, Any]] = []
    size = 0
    for record, length in records:
        if part and size + length > _MOST:
            yield part
            part, size = [], 0
        part.append(record)
        size += length
    yield part
