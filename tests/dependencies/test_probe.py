"""The probe against servers on real sockets: where it goes, and what it says of the answers."""

import ipaddress
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medianest.dependencies.addresses import Addresses, ForbiddenAddressError
from medianest.dependencies.probe import HealthProbe, ProbeResult
from medianest.media.errors import UnreachableError
from medianest.resilience import Deadline, DeadlineExceededError, ManualClock
from tests.dependencies.asking import METADATA, url_of
from tests.dependencies.conftest import LOOPBACK, OK, Server


def test_a_healthy_service(serving: Callable[..., Server], probe: HealthProbe) -> None:
    server = serving()
    result = probe.ask(url_of(server, "/health?deep=1"))
    assert (result.status, result.message) == (200, "it answered 200")
    assert result.seconds >= 0
    assert server.requests[0].startswith(b"GET /health?deep=1 HTTP/1.1\r\n")


def test_the_seconds_are_those_of_the_clock(serving: Callable[..., Server]) -> None:
    clock = ManualClock()

    def answer(connection: socket.socket) -> None:
        clock.advance(1.5)
        connection.sendall(OK)

    probe = HealthProbe(Addresses(LOOPBACK), timeout=10.0, clock=clock)
    assert probe.ask(url_of(serving(answer))).seconds == 1.5


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (204, "it answered 204"),
        (301, "it redirects (301), which is not followed"),
        (302, "it redirects (302), which is not followed"),
        (304, "it answered 304"),
        (308, "it redirects (308), which is not followed"),
        (401, "it answered 401"),
        (503, "it answered 503"),
        (999, "it answered 999"),
    ],
)
def test_a_status_is_told_whatever_it_is(
    serving: Callable[..., Server], probe: HealthProbe, status: int, message: str
) -> None:
    result = probe.ask(url_of(serving(f"HTTP/1.1 {status} X\r\n\r\n".encode())))
    assert (result.status, result.message) == (status, message)


def test_the_request_has_nothing_of_ours(
    serving: Callable[..., Server],
    probe: HealthProbe,
    names: dict[Any, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Neither a proxy, a ~/.netrc nor a cookie: each would be for somebody else."""
    names["nas.lan"] = [["127.0.0.1"]]
    server = serving(OK[:-2] + b"Set-Cookie: a=b; Path=/\r\n\r\n")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine nas.lan login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for _ in range(2):
        probe.ask(url_of(server, host="nas.lan"))
    lines = server.requests[1].decode().splitlines()
    assert sorted(line.partition(":")[0].lower() for line in lines[1:] if line) == [
        *("accept", "accept-encoding", "connection", "host", "user-agent")
    ]
    assert f"Host: nas.lan:{server.port}" in lines
    assert "Connection: close" in lines


def test_each_request_has_a_connection_of_its_own(
    serving: Callable[..., Server], probe: HealthProbe
) -> None:
    server = serving(OK[:-2] + b"Connection: keep-alive\r\n\r\n")
    for _ in range(3):
        probe.ask(url_of(server))
    assert server.accepted == 3


def test_a_forbidden_address_is_not_connected_to(serving: Callable[..., Server]) -> None:
    server = serving()
    probe = HealthProbe(Addresses(), timeout=10.0)
    for step in (probe.resolve, probe.ask):
        with pytest.raises(ForbiddenAddressError, match="loopback"):
            step(url_of(server))
    assert server.accepted == 0


def test_a_redirect_is_not_followed(serving: Callable[..., Server]) -> None:
    target = serving(address="127.0.0.2")
    head = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:{target.port}/\r\n\r\n"
    probe = HealthProbe(Addresses([ipaddress.ip_network("127.0.0.1")]), timeout=10.0)
    result = probe.ask(url_of(serving(head.encode())))
    assert result.message == "it redirects (302), which is not followed"
    assert target.accepted == 0


def test_nobody_listens(serving: Callable[..., Server], probe: HealthProbe) -> None:
    server = serving()
    server.stop()
    with pytest.raises(UnreachableError, match="connection refused"):
        probe.ask(url_of(server))


def test_nothing_is_asked_when_no_time_is_left(
    serving: Callable[..., Server], probe: HealthProbe
) -> None:
    server = serving()
    clock = ManualClock()
    with Deadline(1.0, clock=clock).scope():
        clock.advance(2.0)
        for step in (probe.resolve, probe.ask):
            with pytest.raises(DeadlineExceededError):
                step(url_of(server))
    assert server.accepted == 0


def test_ipv6(serving: Callable[..., Server], probe: HealthProbe) -> None:
    try:
        server = serving(address="::1")
    except OSError:
        pytest.skip("no IPv6 here")
    assert probe.ask(url_of(server, host="[::1]")).status == 200
    assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]
    with pytest.raises(ForbiddenAddressError, match="loopback"):
        HealthProbe(Addresses(LOOPBACK[:1]), timeout=10.0).ask(url_of(server, host="[::1]"))
    assert server.accepted == 1


def test_a_mapped_address_is_the_address(
    serving: Callable[..., Server], probe: HealthProbe
) -> None:
    server = serving()
    url = url_of(server, host="[::ffff:127.0.0.1]")
    assert probe.resolve(url)
    with pytest.raises(ForbiddenAddressError, match="metadata"):
        probe.ask(url_of(server, host=f"[::ffff:{METADATA}]"))


def test_a_certificate_that_nobody_signed(
    serving: Callable[..., Server], probe: HealthProbe, names: dict[Any, Any], tls: ssl.SSLContext
) -> None:
    names["nas.lan"] = [["127.0.0.1"]]
    server = serving(tls=tls)
    with pytest.raises(UnreachableError, match="from an unknown authority"):
        probe.ask(url_of(server, host="nas.lan", scheme="https"))
    assert server.requests == []


def test_a_trusted_certificate_holds_for_its_name_only(
    serving: Callable[..., Server],
    names: dict[Any, Any],
    tls: ssl.SSLContext,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    probe = HealthProbe(Addresses(LOOPBACK), timeout=10.0)
    names["nas.lan"] = names["other.lan"] = [["127.0.0.1"]]
    asked = []
    tls.sni_callback = lambda connection, name, context: asked.append(name)
    server = serving(tls=tls)
    assert probe.ask(url_of(server, host="nas.lan", scheme="https")).status == 200
    for host in ("other.lan", "127.0.0.1"):
        with pytest.raises(UnreachableError, match="its certificate is for another name"):
            probe.ask(url_of(server, host=host, scheme="https"))
    assert asked == ["nas.lan", "other.lan", None]
    assert len(server.requests) == 1


def test_tls_with_a_server_that_speaks_none(
    serving: Callable[..., Server], probe: HealthProbe
) -> None:
    with pytest.raises(UnreachableError, match="the TLS connection broke"):
        probe.ask(url_of(serving(), scheme="https"))


def test_a_result_is_a_value() -> None:
    assert ProbeResult(200, 0.1) == ProbeResult(200, 0.1)
