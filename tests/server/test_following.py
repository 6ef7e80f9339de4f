"""What follows an answer on its connection."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NoReturn

import pytest
from gunicorn import version_info
from gunicorn.config import Config
from gunicorn.http.errors import ParseException

from medianest.server.channel import Backlog
from medianest.server.connection import Connection
from medianest.server.incoming import BODY_MOST
from medianest.server.worker import Worker


class Log:
    """What a worker asks of gunicorn's."""

    debug = staticmethod(logging.getLogger("gunicorn.error").debug)

    @staticmethod
    def access(*told: Any) -> None:
        """Nothing."""

    @staticmethod
    def close_on_exec() -> None:
        """Nothing to close."""


@pytest.fixture
def answer(pair: tuple[socket.socket, socket.socket]) -> Iterator[Callable[..., bool]]:
    """`answer(app, method, rest)` is whether another request may follow on the connection."""
    worker = Worker(0, os.getppid(), [], None, 30, Config(), Log())

    def one(
        app: Callable[..., Iterable[bytes]],
        method: str = "GET",
        rest: bytes = b"\r\n",
        target: str = "/",
    ) -> bool:
        worker.wsgi = app
        connection = Connection(pair[0], "", "", Backlog(), BODY_MOST)
        connection.incoming.feed(f"{method} {target} HTTP/1.1\r\nHost: x\r\n".encode() + rest)
        assert connection.is_ready
        connection.give()
        return worker.answer(connection)

    yield one
    worker.tmp.close()


def of(
    status: str, length: int, body: bytes
) -> Callable[[dict[str, Any], Callable[..., Any]], list[bytes]]:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response(status, [("Content-Length", str(length))])
        return [body]

    return app


@pytest.mark.parametrize(
    ("app", "method"),
    [
        (of("200 OK", 5, b"hello"), "GET"),
        (of("200 OK", 0, b""), "GET"),
        (of("200 OK", 5, b""), "HEAD"),
        (of("304 Not Modified", 5, b""), "GET"),
    ],
)
def test_another_request_may_follow_a_whole_answer(
    answer: Callable[..., bool],
    app: Callable[[dict[str, Any], Callable[..., Any]], list[bytes]],
    method: str,
) -> None:
    assert answer(app, method)


@pytest.mark.parametrize(
    ("headers", "follows"),
    [
        (b"Connection: keep-alive, close\r\n", False),
        (b"Connection: Keep-Alive\r\nConnection: TE ,\tCLOSE\r\n", False),
        (b"Connection: keep-alive, closed\r\n", True),
    ],
)
def test_nothing_follows_where_the_client_asks_to_close(
    answer: Callable[..., bool],
    pair: tuple[socket.socket, socket.socket],
    headers: bytes,
    follows: bool,
) -> None:
    """Keeps out: "close" unseen beside another word, and a client that waits for the end."""
    assert answer(of("200 OK", 2, b"ok"), rest=headers + b"\r\n") is follows
    assert (b"\r\nConnection: close\r\n" in pair[1].recv(4096)) is not follows


def test_the_host_of_a_whole_url_counts_and_not_that_of_the_header(
    answer: Callable[..., bool],
) -> None:
    """Keeps out: a check of names that looks at another one than the request is for."""
    seen = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen.append((environ["HTTP_HOST"], environ["PATH_INFO"], environ["QUERY_STRING"]))
        return of("200 OK", 0, b"")(environ, start_response)

    answer(app, target="http://house.example:8000/live?x=1")
    answer(app, target="HTTPS://[::1]")
    assert seen == [("house.example:8000", "/live", "x=1"), ("[::1]", "", "")]


@pytest.mark.parametrize("target", ["ftp://x/", "http:///live", "http://me@x/"])
def test_a_target_that_is_no_url_of_http_is_refused(
    answer: Callable[..., bool], target: str
) -> None:
    with pytest.raises(ParseException):
        answer(of("200 OK", 0, b""), target=target)


def test_a_request_waits_for_the_threads_that_are_there(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a worker that ended, with all its requests, for want of one more thread."""
    worker = Worker(0, os.getppid(), [], None, 30, Config(), Log())
    served = threading.Semaphore(0)
    monkeypatch.setattr(worker, "serve", lambda connection: served.release())
    connection = Connection(pair[0], "", "", Backlog(), BODY_MOST)
    held, go = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as worker.threads:
        worker.threads.submit(lambda: held.set() or go.wait(10))
        assert held.wait(10)
        with monkeypatch.context() as limited:
            limited.setattr(threading.Thread, "start", refuse)
            worker.hand_out(connection)
        go.set()
        assert served.acquire(timeout=10)
    worker.tmp.close()


def refuse(thread: threading.Thread) -> NoReturn:
    raise RuntimeError("can't start new thread")


def test_nothing_follows_an_answer_that_is_shorter_than_it_said(
    answer: Callable[..., bool],
) -> None:
    """Keeps out: the client takes the next answer for the rest of this one."""
    assert not answer(of("200 OK", 10, b"hello"))


OLD = pytest.mark.skipif(version_info < (26,), reason="its parser does not tell")


@pytest.mark.parametrize(
    ("after", "trailer"), [(b"XX", b""), pytest.param(b"\r\n", b"a line\r\n", marks=OLD)]
)
def test_nothing_follows_a_body_that_is_none_even_if_the_app_answers_it(
    answer: Callable[..., bool], after: bytes, trailer: bytes
) -> None:
    """Keeps out: the rest of it taken for the next request."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[Any]:
        with suppress(Exception):
            environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", "0")])
        return []

    body = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc%s0\r\n%s\r\n"
    assert answer(app, "POST", body % (b"\r\n", b""))
    assert not answer(app, "POST", body % (after, trailer))
