"""The sandbox's own routes under /sandbox: faults, the requests that arrived, the state."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from medianest.sandbox.faults import FaultError, FaultTable
from medianest.sandbox.kinds import CONTROL
from medianest.sandbox.messages import Reply, Request, Upstream, json_answer

__all__ = ["Control", "SandboxTraffic"]

REMEMBERED: Final = 100
ROUTES: Final = [
    "GET /sandbox/faults",
    "POST /sandbox/faults",
    "DELETE /sandbox/faults",
    "DELETE /sandbox/faults/<id>",
    "GET /sandbox/requests",
    "DELETE /sandbox/requests",
    "GET /sandbox/state",
]


class SandboxTraffic:
    """Counts the requests that arrived, whatever became of them; safe for threads."""

    def __init__(self) -> None:
        self._by_path: Counter[str] = Counter()
        self._last: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self._lock = threading.Lock()

    def note(self, request: Request) -> None:
        """Count one; of its headers only the names are kept, for values may be secrets."""
        entry = {
            "method": request.method,
            "path": request.target,
            "headers": list(request.header_names),
        }
        with self._lock:
            self._by_path[request.path] += 1
            self._last.append(entry)

    def describe(self) -> dict[str, Any]:
        """The counts and the last requests, oldest first, as plain JSON values."""
        with self._lock:
            return {
                "total": self._by_path.total(),
                "by_path": dict(self._by_path),
                "last": list(self._last),
            }

    def clear(self) -> None:
        """Count from zero."""
        with self._lock:
            self._by_path.clear()
            self._last.clear()


class Control:
    """Answers the requests under /sandbox; they need no token and meet no fault."""

    def __init__(self, faults: FaultTable, traffic: SandboxTraffic, upstream: Upstream) -> None:
        self._faults = faults
        self._traffic = traffic
        self._routes: Mapping[tuple[str, str], Callable[[bytes], Reply]] = {
            ("GET", "faults"): lambda body: json_answer(200, {"faults": faults.active()}),
            ("POST", "faults"): self._add,
            ("DELETE", "faults"): lambda body: json_answer(200, {"removed": faults.clear()}),
            ("GET", "requests"): lambda body: json_answer(200, traffic.describe()),
            ("DELETE", "requests"): self._forget,
            ("GET", "state"): lambda body: json_answer(200, upstream.state()),
        }

    def answer(self, request: Request) -> Reply:
        """Do what one control request asks for. Not for web pages: a browser that was led
        astray would send them, too, and it says so by an Origin."""
        if "origin" in request.headers:
            return json_answer(403, {"error": "not from a web page", "allowed": "no Origin header"})
        name = request.path.removeprefix(f"{CONTROL}/")
        if route := self._routes.get((request.method, name)):
            return route(request.body)
        if request.method == "DELETE" and name.startswith("faults/"):
            return self._remove(name.removeprefix("faults/"))
        return json_answer(
            404, {"error": f"no route {request.method} {request.path}", "allowed": ROUTES}
        )

    def _remove(self, fault_id: str) -> Reply:
        if self._faults.remove(fault_id):
            return json_answer(200, {"removed": 1})
        on = [fault["id"] for fault in self._faults.active()]
        return json_answer(404, {"error": f"no fault {fault_id!r}", "allowed": on})

    def _add(self, body: bytes) -> Reply:
        try:
            fault = self._faults.add(json.loads(body))
        except FaultError as error:
            return json_answer(400, {"error": str(error), "allowed": error.allowed})
        except (ValueError, RecursionError) as error:
            return json_answer(400, {"error": f"not JSON: {error}", "allowed": "a JSON object"})
        return json_answer(201, fault.describe())

    def _forget(self, body: bytes) -> Reply:
        self._traffic.clear()
        return json_answer(200, self._traffic.describe())
