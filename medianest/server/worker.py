"""A gunicorn worker: threads that serve requests, and a poller that has everything else.

gunicorn's own threaded worker gives a connection a thread at its first byte, and waits in its main
loop for a client to close: a few dozen clients that dawdle stop it for all.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from types import FrameType
from typing import Any, Final

from gunicorn.http import RequestParser, wsgi
from gunicorn.http.errors import NoMoreData
from gunicorn.workers import base

from medianest.resilience.clock import SYSTEM_CLOCK
from medianest.server.arbiter import ENDING
from medianest.server.channel import SlowClientError
from medianest.server.connection import Connection
from medianest.server.head import asks_to_close, settle_host
from medianest.server.incoming import BODY_MOST
from medianest.server.poller import Poller
from medianest.server.refusals import FewLines, answer, status_of

__all__ = ["Worker"]

_PROBE_THREADS: Final = 2

_START_SECONDS: Final = 2.0
"""Time for the app to be ready; a database that hangs must not keep probes from an answer."""

_GONE = (NoMoreData, StopIteration, ConnectionError)
"""The client has left; nobody is there to be told."""


class Worker(base.Worker):
    """Serves each request in a thread once it is there as a whole. SIGTERM: for `drain_delay` it
    goes on, for those who have not heard of its end yet; then it takes nothing new and ends with
    the last answer."""

    drain_delay = 0.0
    """Seconds from SIGTERM in which new connections are taken still."""

    body_seconds = 30.0
    """Seconds in which the body of a request must come."""

    body_most = BODY_MOST
    """Bytes of a body that are waited for: more than the app accepts, and the lines of chunks."""

    probes: tuple[bytes, ...] = ()
    """Paths that have threads of their own, by how they begin: their answers come from memory."""

    is_ready: Callable[[], bool] | None = None
    """Whether the app may be asked; new connections wait for that for a moment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._served: deque[Connection] = deque()
        self._few = FewLines(logging.getLogger("gunicorn.error"))
        self._ends_at: float | None = None
        self._is_replaced = False
        self._on_end: Callable[[bool], None] = lambda is_replaced: None
        self._quitting = False

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse what this worker does not do."""
        if cfg.is_ssl:
            sys.exit(
                "medianest: certfile, keyfile: this server speaks no TLS: a proxy in front does"
            )

    def init_process(self) -> None:
        """After fork: what the loop needs."""
        self.threads = ThreadPoolExecutor(self.cfg.threads, "request")
        self._probe_threads = ThreadPoolExecutor(_PROBE_THREADS, "probe")
        self._poller = Poller(
            serve=self.hand_out,
            refuse=self._refuse_late,
            complain=logging.getLogger("gunicorn.error").error,
            most=self.cfg.worker_connections,
            keepalive=self.cfg.keepalive,
            body_seconds=self.body_seconds,
            body_most=self.body_most,
        )
        super().init_process()

    # -- signals -----------------------------------------------------------------------------------

    def init_signals(self) -> None:
        """Those of gunicorn, and SIGUSR2, by which the arbiter retires a worker that another one
        has taken the place of."""
        super().init_signals()
        signal.signal(signal.SIGUSR2, self.handle_retire)
        signal.siginterrupt(signal.SIGUSR2, False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)  # blocked by the arbiter

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain, then end."""
        self._end_after(self.drain_delay, is_replaced=False)

    def handle_retire(self, sig: int, frame: FrameType | None) -> None:
        """End, as others take what is new."""
        self._end_after(0.0, is_replaced=True)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """End now. Ctrl-C comes from the terminal and from the master, and the second, in the
        middle of the first, would wait for a lock that the first holds."""
        if not self._quitting:
            self._quitting = True
            super().handle_quit(sig, frame)

    def at_end(self, act: Callable[[bool], None]) -> None:
        """Call it when the end begins, in a signal handler, with whether another worker has taken
        the place of this one; at once if it has begun."""
        self._on_end = act
        if self._ends_at is not None:
            act(self._is_replaced)

    def _end_after(self, seconds: float, *, is_replaced: bool) -> None:
        if self._ends_at is None:
            self._ends_at = SYSTEM_CLOCK.now() + seconds
            self._is_replaced = is_replaced
            self._on_end(is_replaced)

    # -- the loop ----------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until the end."""
        self._await_readiness()
        self._poller.watch(self.PIPE[0], self._wake)
        self._poller.doors.open(self.sockets)
        swept = 0.0
        while self.alive or len(self._poller):
            now = SYSTEM_CLOCK.now()
            if now - swept >= 0.5:
                swept = now
                self._sweep()
            self._poller.turn(self._patience())
            if self.alive and self._must_end(SYSTEM_CLOCK.now()):
                self.alive = False
                self._poller.close()
        self.threads.shutdown(wait=True)
        self._probe_threads.shutdown(wait=True)
        self._poller.end()

    def _await_readiness(self) -> None:
        """So that a worker that takes the place of another does not say that it is not ready."""
        until = SYSTEM_CLOCK.now() + _START_SECONDS
        while self.is_ready is not None and not self.is_ready():
            if SYSTEM_CLOCK.now() >= until or self._ends_at is not None:
                return
            self.notify()
            SYSTEM_CLOCK.sleep(0.02)

    def _patience(self) -> float:
        if self._ends_at is None or not self.alive:
            return 0.5
        return max(0.0, min(0.5, self._ends_at - SYSTEM_CLOCK.now()))

    def _sweep(self) -> None:
        """What need not be done at each turn: a system call in which the thread that has just got a
        request takes the interpreter, and has to give it back, costs both."""
        self.notify()
        if self.ppid != os.getppid():
            self.log.info("the arbiter has gone: ending")
            self._ends_at = 0.0
        self._poller.sweep()
        self._few.turn()

    def _must_end(self, now: float) -> bool:
        if self.nr >= self.max_requests:
            self._end_after(0.0, is_replaced=True)
        return self._ends_at is not None and self._ends_at <= now

    def hand_out(self, connection: Connection) -> None:
        is_probe = bool(self.probes) and connection.target.startswith(self.probes)
        threads = self._probe_threads if is_probe else self.threads
        try:
            threads.submit(self.serve, connection)
        except RuntimeError as error:  # it waits for the threads that are there
            self._few.warn("cannot start a thread: %s", error)

    def _wake(self, pipe: int) -> None:
        """Signals and threads write there."""
        try:
            os.read(pipe, 4096)
        except BlockingIOError:
            pass
        while self._served:
            self._poller.finish(self._served.popleft())

    # -- a request, in a thread --------------------------------------------------------------------

    def serve(self, connection: Connection) -> None:
        connection.is_kept = False
        try:
            connection.is_kept = self.answer(connection)
        except _GONE:
            pass
        except (Exception, SystemExit) as error:
            self._fail(connection, error)
        finally:
            self._served.append(connection)
            try:
                os.write(self.PIPE[1], b".")
            except BlockingIOError:
                pass  # it is full: the loop wakes up anyway

    def answer(self, connection: Connection) -> bool:
        """Answer its request; whether another one may follow."""
        channel: Any = connection.channel  # which is no socket, but all that is asked of one
        if connection.parser is None:
            connection.parser = RequestParser(self.cfg, channel, connection.client)
        request = next(connection.parser)
        settle_host(request)
        self.cfg.pre_request(self, request)
        response: Any = None
        environ: Any = {}
        began = datetime.now()
        try:
            response, environ = wsgi.create(
                request, channel, connection.client, connection.server, self.cfg
            )
            environ["wsgi.multithread"] = True
            self.nr += 1
            if self._is_last(request, channel):
                response.force_close()
            self._write(response, self.wsgi(environ, response.start_response), channel)
            self.log.access(response, request, environ, datetime.now() - began)
        finally:
            self.cfg.post_request(self, request, environ, response)
        if response.should_close() or _is_short(response, request.method):
            return False
        return connection.has_read_all()

    def _is_last(self, request: Any, channel: Any) -> bool:
        is_ending = self._ends_at is not None or channel.is_cut or not self.cfg.keepalive
        return is_ending or asks_to_close(request.headers)

    def _write(self, response: Any, body: Any, channel: Any) -> None:
        try:
            for piece in body:
                length = response.response_length
                channel.is_last = length is not None and response.sent + len(piece) >= length
                response.write(piece)
            channel.is_last = True
            response.close()
            channel.flush()
        finally:
            if hasattr(body, "close"):
                body.close()

    def _fail(self, connection: Connection, error: BaseException) -> None:
        """Tell the client, unless its answer has begun."""
        status, client = status_of(error), _shown(connection.client)
        if isinstance(error, SlowClientError):
            self._few.warn("%s takes its answer too slowly", client)
        elif status is not HTTPStatus.INTERNAL_SERVER_ERROR:
            self._few.warn("a request of %s cannot be read: %s", client, type(error).__name__)
        else:
            self.log.error("a request failed in the server", exc_info=error)
        connection.channel.say_instead(answer(status))

    def _refuse_late(self, connection: Connection) -> None:
        self._few.warn("a request of %s did not come in time", _shown(connection.client))
        connection.is_kept = False
        connection.channel.say_instead(answer(HTTPStatus.REQUEST_TIMEOUT))


def _is_short(response: Any, method: str) -> bool:
    """Whether an answer ended before its length: what follows would be taken for its rest."""
    has_body = method != "HEAD" and response.status_code not in (204, 304)
    return has_body and response.sent < (response.response_length or 0)


def _shown(client: Any) -> str:
    return str(client[0]) if isinstance(client, tuple) else "a local socket"
