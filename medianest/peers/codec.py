"""Messages as bytes: one line of JSON, of a version. What cannot be read is no message."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from medianest.peers.messages import (
    Bulletin,
    Elsewhere,
    Failed,
    Freed,
    Heard,
    Message,
    News,
    Passed,
    Shown,
    Standing,
    States,
    Wanted,
    WantsProbe,
)
from medianest.resilience import State
from medianest.resilience.circuit_breaker.evidence import Evidence
from medianest.resilience.circuit_breaker.joint import Opening

__all__ = ["decoded", "encoded"]

_VERSION: Final = 1
_MOST: Final = 10**9
_LONGEST: Final = 500
"""Characters of a text, and members of a list."""


def encoded(sender: str, message: Message) -> bytes:
    """A message of that process."""
    told = _told(message) if isinstance(message, Bulletin) else asdict(message)
    body = {"v": _VERSION, "from": sender, "says": type(message).__name__, **told}
    if evidence := body.get("evidence"):
        for instants in ("failed_at", "slow_at"):
            evidence[instants] = evidence[instants][-_LONGEST:]  # or it may not fit into one
    return json.dumps(body, default=str, separators=(",", ":")).encode()


def _told(message: Bulletin) -> dict[str, Any]:
    """Without the copy that `asdict` makes of each value."""
    return {"topic": message.topic, "body": message.body}


def decoded(data: bytes) -> tuple[str, Message] | None:
    """Who says what; None for what is no message of this version."""
    try:
        body = json.loads(data)
        if body["v"] != _VERSION:
            return None
        return _text(body["from"]), _READERS[body["says"]](body)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise ValueError(value)
    return value


def _number(value: Any) -> float:
    """Minus infinity is written as such by Python, and read; it means never."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(value)
    if not float(value) < math.inf:
        raise ValueError(value)
    return float(value)


def _instant(value: Any) -> float:
    if _number(value) == -math.inf:
        raise ValueError(value)
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST:
        raise ValueError(value)
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)  # both are one to who reads
    return value


def _instants(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise ValueError(value)
    return tuple(_number(each) for each in value[-_LONGEST:])


def _evidence(body: Any) -> Evidence:
    return Evidence(
        failed_at=_instants(body["failed_at"]),
        slow_at=_instants(body["slow_at"]),
        good_by=_number(body["good_by"]),
        quick_by=_number(body["quick_by"]),
        **{name: _count(body[name]) for name in ("successes", "failures", "slow", "overdue")},
    )


def _opening(body: Any) -> Opening | None:
    if body is None:
        return None
    reason = None if body["reason"] is None else _text(body["reason"])
    return Opening(_instant(body["until"]), _count(body["openings"]), reason)


def _failed(body: Any) -> Failed:
    return Failed(_text(body["breaker"]), _evidence(body["evidence"]), _flag(body["asks"]))


def _shown(body: Any) -> Shown:
    return Shown(_text(body["breaker"]), _evidence(body["evidence"]))


def _standing(body: Any) -> Standing:
    opening = _opening(body["opening"])
    return Standing(_text(body["breaker"]), _count(body["number"]), _text(body["by"]), opening)


def _passed(body: Any) -> Passed:
    return Passed(_text(body["breaker"]), _count(body["number"]), _count(body["probes"]))


def _elsewhere(body: Any) -> Elsewhere:
    failed_at = None if body["failed_at"] is None else _instant(body["failed_at"])
    return Elsewhere(_text(body["breaker"]), failed_at, _instant(body["barred_until"]))


def _wants_probe(body: Any) -> WantsProbe:
    return WantsProbe(_text(body["breaker"]))


def _news(body: Any) -> News:
    return News(_text(body["topic"]), _text(body["key"]))


def _heard(body: Any) -> Heard:
    return Heard(_text(body["key"]))


def _states(body: Any) -> States:
    states = {_text(name): State(state) for name, state in body["states"].items()}
    return States(_count(body["number"]), states, _flag(body["is_all"]))


def _bulletin(body: Any) -> Bulletin:
    if not isinstance(body["body"], dict):
        raise ValueError(body["body"])
    return Bulletin(_text(body["topic"]), body["body"])


def _wanted(body: Any) -> Wanted:
    return Wanted(_text(body["bulkhead"]))


def _freed(body: Any) -> Freed:
    return Freed(_text(body["bulkhead"]))


_READERS: Final[dict[str, Callable[[Any], Message]]] = {
    "Failed": _failed,
    "Shown": _shown,
    "Standing": _standing,
    "Passed": _passed,
    "Elsewhere": _elsewhere,
    "WantsProbe": _wants_probe,
    "News": _news,
    "Heard": _heard,
    "States": _states,
    "Bulletin": _bulletin,
    "Wanted": _wanted,
    "Freed": _freed,
}
