"""What each kind of fault does to a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from medianest.sandbox.faults import ActiveFault
from medianest.sandbox.kinds import MAX_HOLD
from medianest.sandbox.messages import Reply, Request, Upstream, status_line
from medianest.sandbox.proxy import proxied
from medianest.sandbox.wire import RawConnection

__all__ = ["EFFECTS", "respond"]

GARBAGE: Final = b'\x00\xff\xfe{"MediaContainer": <\x80garbage\x81>'


@dataclass(frozen=True)
class _Scene:
    fault: ActiveFault
    request: Request
    upstream: Upstream
    wire: RawConnection


def respond(
    faults: Iterable[ActiveFault], request: Request, upstream: Upstream, wire: RawConnection
) -> Reply | None:
    """The answer after all faults; None when there is none and the connection is to be closed."""
    for fault in faults:
        if fault.over:  # switched off while an earlier one held the request
            continue
        if not fault.delays:
            return _suffered(_Scene(fault, request, upstream, wire))
        if not _hold(wire, fault, fault.options.get("seconds", MAX_HOLD)):
            return None
    return upstream.answer(request)


def _suffered(scene: _Scene) -> Reply | None:
    if own := scene.upstream.own_faults.get(scene.fault.kind):
        return own.answer(scene.request, scene.fault)
    return EFFECTS[scene.fault.kind](scene)


def _hold(wire: RawConnection, fault: ActiveFault, seconds: float) -> bool:
    """Wait until the time or the fault is over; False when the client left before."""
    return fault.hold(seconds, lambda: not wire.client_left())


def _status(scene: _Scene) -> Reply:
    options = scene.fault.options
    answer = scene.upstream.error(options["status"])
    if options["body"] is not None:
        text: str = options["body"]
        answer = replace(answer, body=text.encode(errors="replace"), content_type=_type_of(text))
    if options["retry_after"] is not None:
        header = ("Retry-After", str(options["retry_after"]))
        answer = replace(answer, headers=(*answer.headers, header))
    return answer


def _type_of(text: str) -> str:
    start = text.lstrip()[:1]
    return {"{": "application/json", "[": "application/json", "<": "text/html"}.get(
        start, "text/plain;charset=utf-8"
    )


def _reset(scene: _Scene) -> None:
    scene.wire.reset()


def _lose(scene: _Scene) -> None:
    scene.upstream.answer(scene.request)
    scene.wire.reset()


def _truncate(scene: _Scene) -> None:
    answer = scene.upstream.answer(scene.request)
    half = b"" if scene.request.method == "HEAD" else answer.body[: len(answer.body) // 2]
    scene.wire.write(answer.head() + half)


def _drip(scene: _Scene) -> None:
    if scene.fault.options["where"] == "headers":
        start, drop = f"{status_line(200)}\r\nX-Drip: ".encode(), b"a"
    else:
        # Blanks may precede any JSON, so no parser can give up early.
        start = Reply(200, content_type="application/json").head(close=True, with_length=False)
        drop = b" "
    interval: float = scene.fault.options["interval"]
    alive = scene.wire.write(start)
    ends = scene.fault.clock.now() + MAX_HOLD
    while alive and not scene.fault.over and scene.fault.clock.now() < ends:
        alive = _hold(scene.wire, scene.fault, interval) and scene.wire.write(drop)


def _garbage(scene: _Scene) -> Reply:
    return Reply(200, GARBAGE, "application/json")


def _unauthorized(scene: _Scene) -> Reply:
    return scene.upstream.unauthorized()


def _maintenance(scene: _Scene) -> Reply:
    return scene.upstream.maintenance()


def _proxy(scene: _Scene) -> Reply:
    return proxied(scene.fault.options["status"])


def _empty(scene: _Scene) -> Reply:
    return scene.upstream.empty(scene.request)


EFFECTS: Final[Mapping[str, Callable[[_Scene], Reply | None]]] = {
    "status": _status,
    "reset": _reset,
    "lose": _lose,
    "truncate": _truncate,
    "drip": _drip,
    "garbage": _garbage,
    "unauthorized": _unauthorized,
    "maintenance": _maintenance,
    "proxy": _proxy,
    "empty": _empty,
}
