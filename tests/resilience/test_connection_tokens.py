"""Errors that say without an errno that a connection failed, as libraries raise them."""

from __future__ import annotations

import http.client
import socket
import ssl
import tarfile
import threading
import xmlrpc.client
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
import redis
import requests
import urllib3
from redis.backoff import NoBackoff
from redis.retry import Retry

from medianest.resilience import CircuitBreaker, ManualClock, Outcome, State
from medianest.resilience.outcome import Classifier

TOKENS = ("timeout", "ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE")


def matching(error: Exception) -> set[str]:
    return {token for token in TOKENS if Classifier(token)(error) is Outcome.FAILURE}


def look_alike(module: str, name: str, *bases: type) -> type:
    """A class as a library that is not installed has it."""
    return type(name, bases or (Exception,), {"__module__": module})


def with_code(error: type[Exception], text: str, **members: str) -> Exception:
    raised = type(error.__name__, (error,), members)
    return raised(text)


@pytest.fixture
def hanging_up() -> Iterator[str]:
    """The URL of a server that reads each request and closes the connection without a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("error", "token"),
    [
        (ConnectionResetError(), "ECONNRESET"),
        (ConnectionResetError("Connection lost"), "ECONNRESET"),  # asyncio
        (ConnectionRefusedError(), "ECONNREFUSED"),
        (ConnectionAbortedError(), "ECONNABORTED"),
        (BrokenPipeError(), "EPIPE"),
        (http.client.RemoteDisconnected("Remote end closed"), "ECONNRESET"),
        (http.client.IncompleteRead(b"{"), "ECONNRESET"),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "ECONNRESET"),
        (urllib3.exceptions.ProtocolError("Response ended prematurely"), "ECONNRESET"),
    ],
)
def test_pythons_own_errors_count_as_what_they_are_without_an_errno(
    error: Exception, token: str
) -> None:
    assert matching(error) == {token}
    assert matching(RuntimeError("wrapped", error)) == {token}


@pytest.mark.parametrize("ask", [requests.get, lambda url: urllib3.request("GET", url, retries=0)])
def test_a_server_that_hangs_up_without_a_word_is_a_reset(
    hanging_up: str, ask: Callable[..., Any]
) -> None:
    with pytest.raises((requests.ConnectionError, urllib3.exceptions.HTTPError)) as caught:
        ask(hanging_up)
    assert matching(caught.value) == {"ECONNRESET"}


def test_an_upstream_that_dies_without_a_word_opens_the_breaker(hanging_up: str) -> None:
    """Keeps out: every call fails, each as unexpected, and the breaker never opens."""
    breaker = CircuitBreaker(
        "plex", expected_errors="ECONNRESET", failure_threshold=2, clock=ManualClock()
    )
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            breaker.call(requests.get, hanging_up)
    assert breaker.state is State.OPEN


@pytest.mark.parametrize(
    ("module", "name", "token"),
    [
        ("botocore.exceptions", "EndpointConnectionError", "ECONNREFUSED"),
        ("botocore.exceptions", "ConnectionClosedError", "ECONNRESET"),
        ("botocore.exceptions", "ConnectTimeoutError", "timeout"),
        ("botocore.exceptions", "ReadTimeoutError", "timeout"),
        ("httpx", "ConnectError", "ECONNREFUSED"),
        ("httpx", "ReadError", "ECONNRESET"),
        ("httpcore", "ReadError", "ECONNRESET"),
        ("httpx", "WriteError", "EPIPE"),
        ("httpx", "RemoteProtocolError", "ECONNRESET"),
        ("httpx", "ConnectTimeout", "timeout"),
        ("aiohttp.client_exceptions", "ServerDisconnectedError", "ECONNRESET"),
        ("asyncio.exceptions", "IncompleteReadError", "ECONNRESET"),
    ],
)
def test_clients_errors_are_known_by_the_names_of_their_classes(
    module: str, name: str, token: str
) -> None:
    kind = look_alike(module, name)
    assert matching(kind()) == {token}
    assert matching(look_alike("own", "Own", kind)()) == {token}


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("server closed the connection unexpectedly\n\tThis probably means", "ECONNRESET"),
        ("SSL connection has been closed unexpectedly\n", "ECONNRESET"),
        ("SSL SYSCALL error: EOF detected\n", "ECONNRESET"),
        ("could not receive data from server: Connection reset by peer\n", "ECONNRESET"),
        ("could not send data to server: Broken pipe\n", "EPIPE"),
        ("could not connect to server: Connection refused\n\tIs the server", "ECONNREFUSED"),
        ("FATAL:  the database system is starting up\n", "ECONNREFUSED"),
        ('connection to server at "db" (10.0.0.9), port 5432 failed: timeout expired\n', "timeout"),
        ('could not translate host name "db" to address: Name or service not known', "ENOTFOUND"),
    ],
)
def test_psycopg2_says_it_in_words(text: str, token: str) -> None:
    assert matching(psycopg2.OperationalError(text)) == {token}


def test_psycopg2_itself_says_that_a_connection_was_refused() -> None:
    with pytest.raises(psycopg2.OperationalError) as caught:
        psycopg2.connect("host=127.0.0.1 port=1")
    assert matching(caught.value) == {"ECONNREFUSED"}


@pytest.mark.parametrize("member", ["pgcode", "sqlstate"])
@pytest.mark.parametrize(
    ("code", "token"),
    [
        ("08006", "ECONNRESET"),
        ("08003", "ECONNRESET"),
        ("08001", "ECONNREFUSED"),
        ("57P01", "ECONNRESET"),
        ("57P02", "ECONNRESET"),
        ("57P03", "ECONNREFUSED"),
    ],
)
def test_a_code_of_the_database_says_it_better_than_words(
    member: str, code: str, token: str
) -> None:
    error = with_code(psycopg2.OperationalError, "timeout expired", **{member: code})
    assert matching(error) == {token}


def test_what_a_client_wrote_into_a_query_is_no_lost_connection() -> None:
    """Keeps out: anybody who can write a title opens the breaker of the database."""
    said = 'invalid input syntax for type integer: "server closed the connection unexpectedly"'
    assert matching(psycopg2.DataError(said)) == set()
    assert matching(with_code(psycopg2.OperationalError, said, pgcode="22P02")) == set()


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("Connection closed by server.", "ECONNRESET"),
        ("Error 111 connecting to localhost:6379. Connection refused.", "ECONNREFUSED"),
        ("Error while reading from h:6379 : (104, 'Connection reset by peer')", "ECONNRESET"),
        ("Error 32 while writing to socket. Broken pipe.", "EPIPE"),
    ],
)
def test_redis_says_it_in_words(text: str, token: str) -> None:
    assert matching(redis.ConnectionError(text)) == {token}


def test_mysql_says_it_in_words() -> None:
    lost = look_alike("pymysql.err", "OperationalError")
    assert matching(lost(2013, "Lost connection to MySQL server during query")) == {"ECONNRESET"}
    refused = lost(2003, "Can't connect to 'db' ([Errno 111] Connection refused)")
    assert matching(refused) == {"ECONNREFUSED"}


@pytest.mark.slow
def test_redis_itself_says_that_a_connection_was_refused() -> None:
    with pytest.raises(redis.ConnectionError) as caught:
        redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)).ping()
    assert matching(caught.value) == {"ECONNREFUSED"}


def test_what_lies_beneath_says_it_better_than_a_clients_name() -> None:
    """Keeps out: an unknown name that is counted as a refused connection too."""
    connect_error = look_alike("httpx", "ConnectError")
    unknown = connect_error("x", socket.gaierror(socket.EAI_NONAME, "not known"))
    assert matching(unknown) == {"ENOTFOUND"}
    assert matching(connect_error("x", OSError(113, "No route to host"))) == set()
    assert Classifier("EHOSTUNREACH")(connect_error("x", OSError(113, "x"))) is Outcome.FAILURE


def test_a_file_that_was_missing_on_the_way_hides_no_lost_connection() -> None:
    error = look_alike("httpx", "ReadError")("lost")
    error.__context__ = FileNotFoundError(2, "No such file")
    assert matching(error) == {"ECONNRESET"}


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError(),
        OSError("odd"),
        tarfile.ReadError("not a gzip file"),
        xmlrpc.client.ProtocolError("http://h", 404, "Not Found", {}),
        look_alike("pymongo.errors", "WriteError")("duplicate key"),
        requests.ConnectionError(),
        psycopg2.OperationalError("FATAL: password authentication failed"),
        redis.ConnectionError("max number of clients reached"),
        RuntimeError("Connection refused"),
        urllib3.exceptions.ProtocolError("aborted", http.client.BadStatusLine("SSH-2.0")),
        urllib3.exceptions.ProtocolError("aborted", http.client.LineTooLong("header line")),
        ssl.SSLCertVerificationError(1, "certificate verify failed"),
    ],
)
def test_what_says_nothing_of_a_connection_matches_no_token(error: Exception) -> None:
    assert matching(error) == set()
    assert Classifier("EPERM")(error) is Outcome.UNEXPECTED  # errno 1, as OpenSSL's is


def test_an_errno_that_nobody_knows_hides_no_lost_connection() -> None:
    error = look_alike("httpx", "ReadError")("lost")
    error.__context__ = OSError(99_999, "odd")
    assert matching(error) == {"ECONNRESET"}


def test_what_timed_out_is_no_lost_connection_whatever_its_text_says() -> None:
    error = look_alike("redis.exceptions", "ReadTimeout")("connection closed by server")
    lost = look_alike("redis.exceptions", "ConnectionError")("connection closed by server")
    assert matching(error) == {"timeout"}
    lost.__context__ = error
    assert matching(lost) == {"timeout"}
