"""A dependency that an operator registers, under real gunicorn, with several workers."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support.server import OPERATOR, Answer, Server
from tests.support.waiting import wait_until

DEPENDENCIES = "/api/v1/resilience/dependencies"
JSON = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"}
INTERVAL = 0.5


class Nas(ThreadingHTTPServer):
    """Gives `answer`, a status and headers, and keeps the paths that it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answer: tuple[int, dict[str, str]] = (200, {})
        self.asked: list[str] = []


class Answering(BaseHTTPRequestHandler):
    server: Nas

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, headers = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: str) -> None:
        pass


@pytest.fixture
def run_nas() -> Iterator[Callable[[], Nas]]:
    servers = []

    def start() -> Nas:
        server = Nas()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def register(server: Server, url: str, **members: Any) -> Answer:
    body = {"name": "nas", "type": "internal-service", "criticality": "important"}
    body |= {"health_check_url": url, **members}
    return server.get(DEPENDENCIES, data=json.dumps(body).encode(), headers=JSON)


def status(server: Server) -> str | None:
    answer = server.get(f"{DEPENDENCIES}/nas", headers=JSON)
    return answer.json["health"]["status"] if answer.status == 200 else None


@pytest.fixture
def watching(serve: Callable[..., Server]) -> Callable[..., Server]:
    def start(**variables: Any) -> Server:
        return serve(
            MEDIANEST_HEALTH_INTERVAL=INTERVAL,
            MEDIANEST_HEALTH_TIMEOUT=0.5,
            MEDIANEST_HEALTH_ALLOWED_NETWORKS="127.0.0.0/8",
            **variables,
        )

    return start


def detail(server: Server) -> dict[str, int]:
    return server.get(f"{DEPENDENCIES}/nas", headers=JSON).json["health"]["figures"]


@pytest.mark.slow
def test_it_is_watched_by_all_and_outlives_a_restart(
    watching: Callable[..., Server], run_nas: Callable[[], Nas]
) -> None:
    nas = run_nas()
    server = watching(WEB_CONCURRENCY=3)
    assert register(server, f"http://127.0.0.1:{nas.server_port}/well").status == 201
    began = time.monotonic()
    wait_until(lambda: nas.asked)
    assert time.monotonic() - began < 1.0 + INTERVAL  # the scheduler looks once a second
    assert nas.asked[0] == "/well"
    wait_until(lambda: {status(server) for _ in range(12)} == {"healthy"})
    nas.answer = (500, {})
    wait_until(lambda: {status(server) for _ in range(12)} == {"unhealthy"})
    # Each worker finds it out by itself, and answers from a report of up to a second ago.
    overall = {"degraded"}
    wait_until(lambda: {server.get("/api/v1/health/").json["status"] for _ in range(12)} == overall)

    server.stop()
    server.reopen()
    server.wait_until()
    wait_until(lambda: {status(server) for _ in range(12)} == {"unhealthy"})
    nas.answer = (200, {})
    wait_until(lambda: {status(server) for _ in range(12)} == {"healthy"})
    # A worker that answered none of the twelve may still be about to find it out.
    wait_until(lambda: detail(server) == {"status_code": 200, "version": None})
    assert server.get(f"{DEPENDENCIES}", headers=JSON).json["dependencies"][-1]["registered"]


def test_a_redirect_leads_nowhere(
    watching: Callable[..., Server], run_nas: Callable[[], Nas]
) -> None:
    nas, forbidden = run_nas(), run_nas()
    nas.answer = (302, {"Location": f"http://127.0.0.1:{forbidden.server_port}/secret"})
    server = watching()
    assert register(server, f"http://127.0.0.1:{nas.server_port}/").status == 201
    wait_until(lambda: status(server) == "unhealthy")
    health = server.get(f"{DEPENDENCIES}/nas", headers=JSON).json["health"]
    assert health["message"] == "it redirects (302), which is not followed"
    assert "secret" not in json.dumps(health)
    assert forbidden.asked == []
