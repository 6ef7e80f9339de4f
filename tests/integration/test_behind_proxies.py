"""Behind each proxy of deploy/proxies: what clients are told leads back to them, and no client says
who or where it is."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.proxies import PROXIES, proxy
from tests.support.server import OPERATOR, Server
from tests.support.waiting import wait_until

OWN, HOUSE = "medianest.example.org", "house.example.org"
LIES = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Host": "evil.example.org",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Proto": "https",
    "Forwarded": "for=203.0.113.9;host=evil.example.org",
}
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that knows of one proxy in front of it."""
    server = Server(
        tmp_path_factory.mktemp("server"),
        MEDIANEST_TRUSTED_PROXIES=1,
        MEDIANEST_ALLOWED_HOSTS=f"{OWN} {HOUSE}",
    )
    try:
        yield server.wait_until()
    finally:
        server.stop()


@pytest.fixture(scope="module", params=PROXIES)
def ask(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ask]:
    """`ask(host, path)`: what a client of the proxy is answered, though it lies about itself."""
    with proxy(request.param, tmp_path_factory.mktemp(request.param), server) as port:

        def send(host: str, path: str, body: Any = None) -> Any:
            headers = {"Host": host, "Authorization": f"Bearer {OPERATOR}", **LIES}
            data = None if body is None else json.dumps(body).encode()
            asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
            asked.add_header("Content-Type", "application/json")
            with urllib.request.urlopen(asked, timeout=20) as answer:
                return json.load(answer)

        wait_until(lambda: _answers(send))
        yield send


def _answers(send: Ask) -> bool:
    """Traefik listens before it knows its routers."""
    try:
        return bool(send(OWN, "/api/v1/health/live"))
    except OSError:
        return False


@pytest.mark.parametrize(
    ("host", "path", "found"),
    [(OWN, "", f"http://{OWN}"), (HOUSE, "/nest", f"http://{HOUSE}/nest")],
    ids=["a name of its own", "below a path"],
)
def test_the_server_knows_where_clients_find_it(ask: Ask, host: str, path: str, found: str) -> None:
    assert ask(host, f"{path}/docs/openapi.json")["servers"] == [{"url": found}]


def test_who_acts_is_told_by_the_proxy(ask: Ask) -> None:
    """Keeps out: an audit that believes what an operator's client says of its address."""
    breaker = "/nest/api/v1/resilience/circuit-breakers/database/action"
    ask(HOUSE, breaker, {"action": "reset", "reason": "a test"})

    def noted() -> Any:
        return ask(HOUSE, "/nest/api/v1/resilience/audit?limit=1")["items"]

    wait_until(lambda: bool(noted()))
    assert noted()[0]["address"] == "127.0.0.1"
