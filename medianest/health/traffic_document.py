"""The requests of several processes as one: each writes its own as a document, for JSON.

What cannot be understood in one raises ValueError: it has come through a file.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from medianest.health.sketch import Sketch
from medianest.health.traffic import Route, Traffic

__all__ = ["document", "read_into"]


def document(traffic: Traffic, now: float, *, is_over: bool = False) -> dict[str, Any]:
    """What a process has counted until `now`; `is_over`: it is answering nothing more."""
    return {
        "started_at": traffic.started_at,
        "in_flight": 0 if is_over else traffic.in_flight,
        "routes": [_row(route, now) for route in traffic.routes()],
    }


def read_into(traffic: Traffic, shown: Any, now: float, *, is_over: bool = False) -> None:
    """Add a document to what `traffic` has. Raises ValueError, and has added nothing then."""
    try:
        started_at, in_flight = _amount(shown["started_at"]), _count(shown["in_flight"])
        routes = [_route(*row, now=now) for row in shown["routes"]]
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"no requests: {error}") from None
    traffic.add(routes, 0 if is_over else in_flight, started_at)


def _row(route: Route, now: float) -> list[Any]:
    counts, _, statuses = route.histogram()
    slices = [[begun, _shown(part)] for begun, part in route.slices(now)]
    return [route.method, route.route, statuses, counts, _shown(route.since_start()), slices]


def _shown(sketch: Sketch) -> list[Any]:
    ranges = list(sketch.ranges.items())
    return [sketch.requests, sketch.errors, sketch.seconds, sketch.longest, ranges]


def _route(
    method: Any, name: Any, statuses: Any, counts: Any, total: Any, slices: Any, *, now: float
) -> Route:
    if not isinstance(method, str) or not isinstance(name, str):
        raise ValueError(f"{name!r:.50} is no route")
    route = Route(method, name, now)
    found = {int(status): _count(number) for status, number in statuses.items()}
    route.add_total(_sketch(*total), list(map(_count, counts)), found)
    for begun, part in slices:
        if _amount(begun) <= now:
            route.add_slice(begun, _sketch(*part))
    return route


def _sketch(requests: Any, errors: Any, seconds: Any, longest: Any, ranges: Any) -> Sketch:
    places = Counter({int(place): _count(number) for place, number in ranges})
    numbers = _count(requests), _count(errors), _amount(seconds), _amount(longest)
    return Sketch(*numbers, places)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r:.50} counts nothing")
    return value


def _amount(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r:.50} is no time")
    return float(value)
