"""A reverse proxy that answers for a server that is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medianest.sandbox import SandboxError, SandboxProcess
from medianest.sandbox.faults import FaultError
from tests.sandbox.conftest import Overseerr, Reply

STATUSES = [400, 403, 404, 500, 502, 503, 504]


@pytest.fixture(params=["plex", "overseerr"])
def behind(
    request: pytest.FixtureRequest,
    sandbox: SandboxProcess,
    get: Callable[..., Reply],
    overseerr: Overseerr,
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Both servers: `fault(**options)`, and `look()` at something that is there."""
    if request.param == "plex":
        return lambda **options: sandbox.fault("proxy", **options), lambda: get("/identity")
    return (
        lambda **options: overseerr.fault("proxy", **options),
        lambda: overseerr.get("/status"),
    )


@pytest.mark.parametrize("status", STATUSES)
def test_nothing_of_the_real_server_is_in_the_answer(
    behind: tuple[Callable[..., Any], Callable[..., Any]], status: int
) -> None:
    fault, look = behind
    fault(status=status)
    reply = look()
    assert reply.status == status
    assert not {"X-Powered-By", "X-Plex-Protocol", "ETag"} & set(reply.headers)
    assert not reply.headers["Content-Type"].startswith("application/json")


def test_404_is_the_line_of_traefik(
    behind: tuple[Callable[..., Any], Callable[..., Any]],
) -> None:
    fault, look = behind
    fault(status=404)
    reply = look()
    assert (reply.body, reply.headers["Server"]) == (b"404 page not found\n", None)
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("status", "heading"),
    [
        (400, b"400 Bad Request"),
        (403, b"403 Forbidden"),
        (500, b"500 Internal Server Error"),
        (502, b"502 Bad Gateway"),
        (503, b"503 Service Temporarily Unavailable"),
        (504, b"504 Gateway Time-out"),
    ],
)
def test_the_others_are_pages_of_nginx(
    behind: tuple[Callable[..., Any], Callable[..., Any]], status: int, heading: bytes
) -> None:
    fault, look = behind
    fault(status=status)
    reply = look()
    assert (reply.headers["Content-Type"], reply.headers["Server"]) == ("text/html", "nginx")
    assert b"<center><h1>" + heading + b"</h1></center>" in reply.body


def test_400_says_that_http_was_spoken_to_a_port_for_https(
    behind: tuple[Callable[..., Any], Callable[..., Any]],
) -> None:
    fault, look = behind
    fault(status=400)
    assert b"The plain HTTP request was sent to HTTPS port" in look().body


def test_behind_the_proxy_nothing_is_created(overseerr: Overseerr) -> None:
    overseerr.fault("proxy", status=404, path="/api/v1/request")
    assert overseerr.want("movie", 31_001, is4k=False).status == 404
    assert overseerr.state()["count"] == 0


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"status": 200},
        {"status": "502"},
        {"status": 502.0},
        {"status": 502, "body": "no"},
    ],
)
def test_a_proxy_that_answers_so_is_refused(
    behind: tuple[Callable[..., Any], Callable[..., Any]], options: dict[str, Any]
) -> None:
    fault, _ = behind
    with pytest.raises((FaultError, SandboxError), match="proxy: "):
        fault(**options)
