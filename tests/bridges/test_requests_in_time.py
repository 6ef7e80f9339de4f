"""A session's request is over in time, whatever the other end does: on real sockets."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
import requests

from medianest.bridges.requests import RequestRefusedError, ResilientAdapter
from medianest.resilience import Bulkhead, CircuitBreaker, Deadline, Pipeline
from tests.support.certificates import Authority, server_context
from tests.support.keeping import OK, KeepingServer, well

SOON = 5.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


def drip(connection: socket.socket, first: bytes = HEAD) -> NoReturn:
    """A byte now and then: no single read takes long."""
    connection.sendall(first)
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


@pytest.fixture
def serving() -> Iterator[Callable[..., KeepingServer]]:
    servers = []

    def start(
        answer: Callable[..., Any] = lambda connection: well(connection, 1, 1),
        tls: ssl.SSLContext | None = None,
    ) -> KeepingServer:
        servers.append(KeepingServer(lambda connection, place, turn: answer(connection), tls))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), strict=True)


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.certificate("localhost"))


@pytest.fixture
def breaker() -> CircuitBreaker:
    return CircuitBreaker("nas", expected_errors=("timeout",))


@pytest.fixture
def session(breaker: CircuitBreaker) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        adapter = ResilientAdapter(breaker, timeout=0.3)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        yield session


@pytest.fixture(autouse=True)
def over_in_time() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SOON


def test_a_dripping_body_is_left(
    serving: Callable[..., KeepingServer], session: requests.Session, breaker: CircuitBreaker
) -> None:
    """Keeps out: requests' own timeout, which begins again with each byte."""
    with pytest.raises(requests.ReadTimeout):
        session.get(serving(drip).url)
    assert breaker.snapshot().counts.failures == 1


def test_a_dripping_head_is_left(
    serving: Callable[..., KeepingServer], session: requests.Session, breaker: CircuitBreaker
) -> None:
    with pytest.raises(requests.ReadTimeout):
        session.get(serving(lambda c: drip(c, b"HTTP/1.1 200 OK\r\nX: ")).url)
    assert breaker.snapshot().counts.failures == 1


def test_a_dripping_body_that_is_streamed_is_left(serving: Callable[..., KeepingServer]) -> None:
    breaker, bulkhead = CircuitBreaker("nas"), Bulkhead("nas")
    with requests.Session() as session:
        session.mount(
            "http://", ResilientAdapter(Pipeline("nas", [breaker, bulkhead]), timeout=0.2)
        )
        answer = session.get(serving(drip).url, stream=True)
        with pytest.raises(requests.ConnectionError):
            for _ in answer.iter_content(1):
                pass
    assert (breaker.snapshot().counts.failures, bulkhead.snapshot().in_use) == (1, 0)


def test_a_name_that_is_not_looked_up_is_left(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: [over.wait(SOON)][1:])
    with pytest.raises(requests.ConnectTimeout):
        session.get("http://nas.invalid/")
    over.set()


def test_a_silent_tls_server_is_left(
    serving: Callable[..., KeepingServer], session: requests.Session, breaker: CircuitBreaker
) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with server, pytest.raises(requests.ConnectTimeout):
        session.get(f"https://127.0.0.1:{server.getsockname()[1]}/")
    assert breaker.snapshot().counts.failures == 1


@pytest.mark.parametrize("timeout", [0.1, (0.05, 0.05)])
def test_the_timeout_of_one_request_is_its_total(
    serving: Callable[..., KeepingServer],
    breaker: CircuitBreaker,
    timeout: float | tuple[float, float],
) -> None:
    with requests.Session() as session:
        session.mount("http://", ResilientAdapter(breaker))
        with pytest.raises(requests.Timeout):
            session.get(serving(drip).url, timeout=timeout)


def test_the_deadline_around_the_call_counts(
    serving: Callable[..., KeepingServer], breaker: CircuitBreaker
) -> None:
    with requests.Session() as session:
        session.mount("http://", ResilientAdapter(breaker))
        with Deadline(0.1).scope():
            with pytest.raises(requests.Timeout):
                session.get(serving(drip).url)
            with pytest.raises(RequestRefusedError):  # there is no time for another
                session.get(serving(drip).url)


def test_connections_are_kept_and_what_is_well_is_answered(
    serving: Callable[..., KeepingServer], session: requests.Session
) -> None:
    server = serving()
    assert [session.get(server.url).json() for _ in range(3)] == [{}] * 3
    assert server.accepted == 1


def test_certificates_are_trusted_as_requests_is_told(
    serving: Callable[..., KeepingServer],
    session: requests.Session,
    authority: Authority,
    tls: ssl.SSLContext,
) -> None:
    server = serving(tls=tls)
    with pytest.raises(requests.exceptions.SSLError):
        session.get(server.url, timeout=SOON)
    assert session.get(server.url, verify=str(authority.file)).json() == {}
    with pytest.warns(match="Unverified HTTPS request"):
        assert session.get(server.url, verify=False).json() == {}
    with pytest.raises(requests.exceptions.SSLError):
        session.get(server.url)


def test_a_proxy_in_plain_http_is_used_and_no_other(
    serving: Callable[..., KeepingServer], session: requests.Session
) -> None:
    proxy = serving()
    asked = [session.get("http://nas.invalid/x", proxies={"http": proxy.url}) for _ in range(2)]
    assert [answer.json() for answer in asked] == [{}] * 2
    for other in ("socks5://127.0.0.1:1", "https://127.0.0.1:1"):
        with pytest.raises(requests.exceptions.InvalidProxyURL):
            session.get("http://nas.invalid/", proxies={"http": other})


def test_a_tunnel_through_a_proxy_is_used_again(
    serving: Callable[..., KeepingServer],
    session: requests.Session,
    authority: Authority,
    tls: ssl.SSLContext,
) -> None:
    """Keeps out: a tunnel that is opened anew, and leads to the proxy itself."""

    def tunnel(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        with tls.wrap_socket(connection, server_side=True) as inside:
            while inside.recv(65536):
                inside.sendall(OK)

    proxies, verify = {"https": serving(tunnel).url}, str(authority.file)
    for method in ("GET", "POST", "GET"):
        answer = session.request(
            method, "https://localhost/", proxies=proxies, verify=verify, timeout=SOON
        )
        assert answer.json() == {}
