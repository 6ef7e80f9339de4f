"""The client of the command line: where it asks, whose token it sends, and that it ends."""

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.remote.address import server_url, token_for
from medianest.cli.remote.client import Client
from tests.support.answering import AnsweringServer
from tests.support.certificates import Authority, server_context


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    found = AnsweringServer()
    found.body = b'{"answer": 42}'
    yield found
    found.stop()


@pytest.mark.parametrize(
    ("given", "environ", "url"),
    [
        (None, {}, "http://127.0.0.1:8000"),
        (None, {"HOST": "0.0.0.0", "PORT": "81"}, "http://127.0.0.1:81"),
        (None, {"HOST": "::"}, "http://[::1]:8000"),
        (None, {"HOST": "nas", "MEDIANEST_URL": "'https://home/nest/'"}, "https://home/nest"),
        ("http://nas:8000/", {"MEDIANEST_URL": "http://other"}, "http://nas:8000"),
    ],
)
def test_the_server_is_where_somebody_says(
    given: str | None, environ: dict[str, str], url: str
) -> None:
    assert server_url(given, environ)[0] == url


@pytest.mark.parametrize("url", ["nas", "ftp://nas", "http://", "http://nas:x", "http://nas:0"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(CommandError, match=r"^MEDIANEST_URL: ") as refused:
        server_url(None, {"MEDIANEST_URL": url})
    assert refused.value.code is Exit.WRONG_SETTING


def token(
    folder: Path, url: str = "http://127.0.0.1:8000", named: bool = True, **environ: str
) -> str | None:
    """The one that is sent to a URL."""
    environ = {"MEDIANEST_INSTANCE_PATH": str(folder), **environ}
    found = token_for(url, None, is_named=named, environ=environ)
    return None if found is None else found.secret


def test_the_token_comes_from_variables_then_settings_then_the_file(tmp_path: Path) -> None:
    assert token(tmp_path) is None
    (tmp_path / "operator.token").write_text("made\n")
    assert token(tmp_path) == "made"
    (tmp_path / "medianest.toml").write_text('operator_token = "set"')
    assert token(tmp_path) == "set"
    (tmp_path / "secret").write_text("mounted\n")
    assert token(tmp_path, MEDIANEST_OPERATOR_TOKEN_FILE=str(tmp_path / "secret")) == "mounted"
    assert token(tmp_path, MEDIANEST_OPERATOR_TOKEN='"given"') == "given"


def test_the_token_of_the_server_here_goes_to_no_other(tmp_path: Path) -> None:
    (tmp_path / "operator.token").write_text("made")
    assert token(tmp_path, "http://localhost:1") == token(tmp_path, "https://[::1]/x") == "made"
    assert token(tmp_path, "http://192.0.2.1:8000", named=False) == "made"  # HOST is this server's
    assert token(tmp_path, "http://192.0.2.1:8000") is None
    assert token(tmp_path, "http://nas", MEDIANEST_OPERATOR_TOKEN="given") == "given"


def test_a_token_that_no_header_can_hold_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"^MEDIANEST_OPERATOR_TOKEN holds no token$"):
        token(tmp_path, MEDIANEST_OPERATOR_TOKEN="two\nlines")
    (tmp_path / "medianest.toml").write_text('operator_token = "straße"', encoding="utf-8")
    with pytest.raises(CommandError, match=r"medianest\.toml holds no token$"):
        token(tmp_path)


def test_a_server_may_be_below_a_path(server: AnsweringServer) -> None:
    client = Client(f"{server.url}/nest", None, 5.0)
    assert client.get("resilience", "audit", limit=5, actor=None).body == {"answer": 42}
    assert server.path == "/nest/api/v1/resilience/audit?limit=5"
    client.get("circuit-breakers", "a/b c?")
    assert server.path == "/nest/api/v1/circuit-breakers/a%2Fb%20c%3F"
    assert "Authorization" not in server.headers


def test_an_app_that_wants_a_login_is_told_how_to_give_a_token(server: AnsweringServer) -> None:
    """Keeps out: it is called no MediaNest, and nothing else is said."""
    server.redirects_to = "/login"
    with pytest.raises(CommandError, match=r"redirects to /login.*--token-file names a token"):
        Client(server.url, None, 5.0).get("health")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b"\xff"])
def test_what_is_no_medianest_is_told(server: AnsweringServer, body: bytes) -> None:
    server.body = body
    with pytest.raises(CommandError, match="is no MediaNest: it answers 200") as refused:
        Client(server.url, None, 5.0).get("health")
    assert refused.value.code is Exit.STRANGER


def test_https_with_an_authority_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path, strict=True)
    context = server_context(authority.certificate("localhost"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=_answer_over_tls, args=(listener, context), daemon=True).start()
        client = Client(f"https://localhost:{port}", None, 5.0)
        with pytest.raises(CommandError, match="certificate is not trusted; SSL_CERT_FILE names"):
            client.get("health")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        assert client.get("health").body == {}


def _answer_over_tls(listener: socket.socket, context: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError):  # the end of the test closes the listener
        while True:
            connection, _ = listener.accept()
            with (
                contextlib.suppress(ssl.SSLError),
                context.wrap_socket(connection, server_side=True) as secured,
            ):
                secured.recv(4096)
                secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_no_proxy_of_the_environment_is_asked(
    server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert os.environ["http_proxy"]
    assert Client(server.url, None, 5.0).get("health").status == 200
