"""What an answer says about the view: at once, or when its stream has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final
from weakref import ref

from flask import Response, request

from medianest.guards.ending import AT_THE_END, STREAMED, is_stream
from medianest.resilience import CallRefusedError, DeferredSettlement

__all__ = ["settled"]

_NEITHER: Final = CallRefusedError("a request", None)
"""The view has refused the request, which is no success and no failure of its own: breakers count
it as ignored, and a probe gives its place back."""


def settled(handover: DeferredSettlement) -> Response:
    """The response that a guarded view handed over; what is held for it is settled now, or at the
    end of its stream."""
    response: Response = handover.result
    # What stays until the stream ends must hold neither itself nor the frames of this request.
    handover.result = handover.__traceback__ = None
    refused = response.status_code >= 400
    well = partial(handover.failure, _NEITHER) if refused else handover.success
    if is_stream(response):
        _settle_at_the_end(response, handover, well)
    else:
        well()
    return response


def _settle_at_the_end(
    response: Response, handover: DeferredSettlement, well: Callable[[], None]
) -> None:
    # The server sends a file by itself, and nothing for HEAD; all we learn is that it is done.
    bodiless = request.method == "HEAD" or response.status_code in (204, 304)
    sent_by_server = response.direct_passthrough or bodiless
    last = well if sent_by_server else handover.release
    request.environ.setdefault(AT_THE_END, []).append(last)
    if not sent_by_server:
        response.response = _Settling(response.response, handover, well)
    # Werkzeug asks for the body of the response that it sends, and of no other. Weakly: a response
    # that holds itself would stay until the garbage collector comes.
    response.get_app_iter = partial(_sent, ref(response))  # type: ignore[method-assign]


def _sent(of: ref[Response], environ: dict[str, Any]) -> Any:
    environ[STREAMED] = True
    response: Any = of()
    return type(response).get_app_iter(response, environ)


class _Settling(Iterator[Any]):
    """The body of a streamed response, which settles the call when it ends."""

    def __init__(self, body: Any, handover: DeferredSettlement, well: Callable[[], None]) -> None:
        self._body, self._handover, self._well = body, handover, well
        self._iterator = iter(body)

    def __next__(self) -> Any:
        try:
            part = next(self._iterator)
        except StopIteration:
            self._well()
            raise
        except BaseException as error:
            self._handover.failure(error)
            raise
        self._handover.progress()
        return part

    def close(self) -> None:
        """Called by the server in any case; before the end it means that the client has left."""
        try:
            self._handover.release()
        finally:
            if hasattr(self._body, "close"):
                self._body.close()
