"""What follows an answer on its connection."""

import logging
import os

import pytest
from gunicorn.config import Config

from medianest.server.channel import Backlog
from medianest.server.connection import Connection
from medianest.server.incoming import BODY_MOST
from medianest.server.worker import Worker


class Log:
    """What a worker asks of gunicorn's."""

    debug = staticmethod(logging.getLogger("gunicorn.error").debug)

    @staticmethod
    def access(*told):
        """Nothing."""

    @staticmethod
    def close_on_exec():
        """Nothing to close."""


@pytest.fixture
def answer(pair):
    """`answer(app, method, version)` is whether another request may follow on the connection."""
    worker = Worker(0, os.getppid(), [], None, 30, Config(), Log())

    def one(app, method="GET", version="1.1"):
        worker.wsgi = app
        connection = Connection(pair[0], "", "", Backlog(), BODY_MOST)
        connection.incoming.feed(f"{method} / HTTP/{version}\r\nHost: x\r\n\r\n".encode())
        assert connection.is_ready
        connection.give()
        return worker._answer(connection)

    yield one
    worker.tmp.close()


def of(status, length, body):
    def app(environ, start_response):
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
def test_another_request_may_follow_a_whole_answer(answer, app, method):
    assert answer(app, method)


def test_nothing_follows_an_answer_that_is_shorter_than_it_said(answer):
    """Keeps out: the client takes the next answer for the rest of this one."""
    assert not answer(of("200 OK", 10, b"hello"))
