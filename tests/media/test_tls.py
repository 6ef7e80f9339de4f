"""Whom an upstream's TLS is believed, and how it is told why not."""

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.config import PlexSettings, UpstreamTls
from medianest.dependencies.checks import UpstreamCheck
from medianest.health import CheckResult, Status
from medianest.media.errors import UnreachableError
from medianest.media.http import UpstreamHttp
from medianest.resilience import SystemClock
from tests.support.certificates import Authority, server_context, sha256_of
from tests.support.keeping import OK, KeepingServer, hang_up, well
from tests.support.narrowing import not_none

PREFIX = "MEDIANEST_PLEX"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Path:
    return authority.certificate("localhost")


@pytest.fixture
def serving() -> Iterator[Callable[..., KeepingServer]]:
    servers = []

    def start(path: Path, answer: Callable[..., bool | None] = well) -> KeepingServer:
        servers.append(KeepingServer(answer, server_context(path)))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def http_of() -> Iterator[Callable[..., UpstreamHttp]]:
    made = []

    def make(server: KeepingServer, **tls: Any) -> UpstreamHttp:
        made.append(
            UpstreamHttp(
                "plex",
                server.url,
                headers={},
                timeout=5.0,
                max_bytes=1000,
                tls=UpstreamTls(PREFIX, **tls),
            )
        )
        return made[-1]

    yield make
    for http in made:
        http.close()


def failure(http: UpstreamHttp) -> str:
    with pytest.raises(UnreachableError) as caught:
        http.get_json("/x")
    assert not caught.value.uncertain  # nothing was sent
    return str(caught.value)


def test_an_unknown_authority_is_told_with_the_settings_that_help(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp], certificate: Path
) -> None:
    server = serving(certificate)
    assert failure(http_of(server)) == (
        "plex: its certificate is from an unknown authority: name the authority's file in "
        "MEDIANEST_PLEX_CA_FILE, or pin the certificate with MEDIANEST_PLEX_CERTIFICATE_SHA256"
    )
    assert server.requests == []


def test_the_authority_that_the_settings_name_is_believed(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    authority: Authority,
    certificate: Path,
) -> None:
    assert http_of(serving(certificate), ca_file=authority.file).get_json("/x") == {}


def test_a_certificate_for_another_name_is_told_apart(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    authority: Authority,
) -> None:
    server = serving(authority.certificate("plex.direct"))
    assert failure(http_of(server, ca_file=authority.file)) == (
        "plex: its certificate is for another name: correct MEDIANEST_PLEX_URL, "
        "or pin the certificate with MEDIANEST_PLEX_CERTIFICATE_SHA256"
    )
    assert server.requests == []


def test_an_expired_certificate_is_told_apart(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    authority: Authority,
) -> None:
    server = serving(authority.certificate("localhost", expired=True))
    said = failure(http_of(server, ca_file=authority.file))
    assert said == "plex: its certificate has expired"


def test_a_pinned_certificate_is_taken_whatever_its_name_and_authority(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    authority: Authority,
) -> None:
    """Plex's own is for a name in plex.direct, and nobody asks for it by that."""
    path = authority.certificate("plex.direct")
    http = http_of(serving(path), certificate_sha256=sha256_of(path))
    assert [http.get_json("/x") for _ in range(2)] == [{}, {}]


def test_any_other_than_the_pinned_one_is_refused(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    authority: Authority,
    certificate: Path,
) -> None:
    """Keeps out: a pin that only switches the check of names and authorities off."""
    server = serving(certificate)
    pin = sha256_of(authority.certificate("plex.direct"))
    assert failure(http_of(server, certificate_sha256=pin)) == (
        "plex: its certificate is not the pinned one: check MEDIANEST_PLEX_CERTIFICATE_SHA256"
    )
    assert server.requests == []


def test_the_client_of_plex_obeys_the_settings(
    serving: Callable[..., KeepingServer], certificate: Path
) -> None:
    server = serving(certificate)
    settings = PlexSettings(url=server.url, certificate_sha256=sha256_of(certificate))
    http = UpstreamHttp.of("plex", not_none(settings.url), settings, {}, None)
    assert http.get_json("/x") == {}
    http.close()


def test_a_used_connection_that_ends_within_tls_is_asked_on_anew(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    authority: Authority,
    certificate: Path,
) -> None:
    def answer(connection: ssl.SSLSocket, place: int, turn: int) -> bool | None:
        return hang_up(connection) if turn > 1 else connection.sendall(OK)

    server = serving(certificate, answer)
    http = http_of(server, ca_file=authority.file)
    assert [http.get_json("/x") for _ in range(3)] == [{}, {}, {}]
    assert server.accepted == 3


def test_a_handshake_that_ends_early_was_no_request(http_of: Callable[..., UpstreamHttp]) -> None:
    """Keeps out: a POST in doubt, though nothing was ever sent."""

    class Closing(KeepingServer):
        def _serve(self, connection: socket.socket, place: int) -> None:
            connection.close()

    server = Closing(well)
    http = UpstreamHttp(
        "plex",
        f"https://localhost:{server.port}",
        headers={},
        timeout=5.0,
        max_bytes=1000,
    )
    with pytest.raises(UnreachableError) as caught:
        http.ask("POST", "/x", body={})
    assert not caught.value.uncertain
    http.close()
    server.stop()


def test_verification_is_on_unless_a_certificate_is_pinned(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp], certificate: Path
) -> None:
    """Keeps out: a context that another upstream's pin has opened for all."""
    server = serving(certificate)
    assert http_of(server, certificate_sha256=sha256_of(certificate)).get_json("/x") == {}
    assert "unknown authority" in failure(http_of(server))


def test_the_health_check_believes_the_same_certificate(
    serving: Callable[..., KeepingServer], authority: Authority, certificate: Path
) -> None:
    """Keeps out: a Plex that is served and told as unhealthy at once."""

    def check(**tls: Any) -> CheckResult:
        return UpstreamCheck(
            "plex",
            serving(certificate).url,
            "/identity",
            lambda answer: answer.get("version"),
            timeout=5.0,
            clock=SystemClock(),
            tls=UpstreamTls(PREFIX, **tls),
        )()

    assert check(ca_file=authority.file).status is Status.HEALTHY
    assert check(certificate_sha256=sha256_of(certificate)).status is Status.HEALTHY
    assert "MEDIANEST_PLEX_CA_FILE" in not_none(check().message)
