"""Every dependency hangs at once, and who asks is told so at once, under real gunicorn."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from medianest.sandbox.process import SandboxProcess
from tests.support.postgres import PostgresProcess
from tests.support.server import OPERATOR, Server
from tests.support.valkey import ValkeyProcess
from tests.support.waiting import wait_until

AT_ONCE = 0.1
"""Seconds: the promise of every health endpoint."""

HANGS = 0.5
"""Seconds after which a check of what hangs has failed."""

VIEWER = {"Authorization": f"Bearer {OPERATOR}"}
HEALTH = (
    "/api/v1/health/",
    "/api/v1/health/live",
    "/api/v1/health/ready",
    "/api/v1/health/comprehensive",
    "/api/v1/health/database",
    "/api/v1/health/cache",
    "/api/v1/health/external",
    "/api/v1/health/external/plex-media-server",
    "/api/v1/health/circuit-breakers",
    "/api/v1/health/metrics",
    "/api/v1/resilience/health",
    "/api/v1/resilience/metrics",
    "/api/v1/resilience/dependencies",
    "/api/v1/resilience/status",
    "/api/v1/resilience/alerts",
    "/metrics",
)
HANGING = ("database", "redis-cache", "plex-media-server", "overseerr")


@pytest.fixture
def own_servers() -> Iterator[tuple[PostgresProcess, ValkeyProcess]]:
    postgres, valkey = PostgresProcess(), ValkeyProcess()
    yield postgres, valkey
    postgres.stop()
    valkey.stop()


def statuses(server: Server) -> dict[str, str]:
    answer = server.get("/api/v1/health/comprehensive", headers=VIEWER).json
    found = {component["name"]: component["status"] for component in answer["components"]}
    del found["cpu"]  # the tests themselves may keep it busy
    return found


@pytest.mark.alone
def test_all_hang_and_all_return(
    serve: Callable[..., Server],
    plex: SandboxProcess,
    overseerr: SandboxProcess,
    own_servers: tuple[PostgresProcess, ValkeyProcess],
) -> None:
    postgres, valkey = own_servers
    server = serve(
        MEDIANEST_DATABASE_URL=postgres.url(),
        MEDIANEST_REDIS_URL=valkey.url,
        MEDIANEST_PLEX_URL=plex.url,
        MEDIANEST_PLEX_TOKEN=plex.token,
        MEDIANEST_OVERSEERR_URL=overseerr.url,
        MEDIANEST_OVERSEERR_API_KEY=overseerr.token,
        MEDIANEST_PLEX_TIMEOUT=3,
        MEDIANEST_REQUEST_TIMEOUT=4,
        MEDIANEST_HEALTH_INTERVAL=0.5,
        MEDIANEST_HEALTH_TIMEOUT=HANGS,
    )
    wait_until(lambda: all(status == "healthy" for status in statuses(server).values()))

    postgres.freeze()
    valkey.freeze()
    plex.fault("latency", seconds=3600)
    overseerr.fault("latency", seconds=3600)
    with ThreadPoolExecutor(8) as clients:
        # People go on asking, so that threads and breakers feel it, too.
        asked = [clients.submit(server.get, "/api/v1/media/sessions") for _ in range(8)]
        took: dict[str, list[float]] = {path: [] for path in HEALTH}
        until = time.monotonic() + 4
        while time.monotonic() < until:
            for path in HEALTH:
                answer = server.get(path, headers=VIEWER)
                took[path].append(answer.took)
        # Nothing waits for what hangs, at least half a second; one look may meet a busy machine.
        assert {path: max(each) for path, each in took.items() if max(each) > HANGS / 2} == {}
        assert {path: each for path, each in took.items() if sorted(each)[-2] > AT_ONCE} == {}
        for each in asked:
            assert each.result().status == 503

    ready = server.get("/api/v1/health/ready")
    assert ready.status == 503
    assert ready.json["reasons"] == ["the critical dependency database is unhealthy"]
    assert server.get("/api/v1/health/live").status == 200
    assert server.get("/api/v1/health/").status == 503
    told = server.get("/api/v1/health/comprehensive", headers=VIEWER).json
    found = {component["name"]: component for component in told["components"]}
    for name in HANGING:
        assert found[name]["status"] == "unhealthy", found[name]
        assert found[name]["message"]
        assert found[name]["age_seconds"] < 4
        assert found[name]["failures_in_a_row"] >= 3
    assert told["score"]["score"] < 50
    assert found["health-monitor"]["status"] == "healthy"

    postgres.thaw()
    valkey.thaw()
    plex.clear_faults()
    overseerr.clear_faults()
    wait_until(lambda: server.get("/api/v1/health/ready").status == 200)
    wait_until(lambda: server.get("/api/v1/media/sessions").status == 200)
    wait_until(lambda: set(statuses(server).values()) == {"healthy"})
    assert server.get("/api/v1/health/").json["status"] == "healthy"


def test_a_silent_server_from_the_start(serve: Callable[..., Server], plex: SandboxProcess) -> None:
    """It starts and tells the truth though nothing ever answered."""
    with SandboxProcess.start(kind="plex", port=0) as silent:
        silent.fault("latency", seconds=3600)
        server = serve(
            ready=False,
            MEDIANEST_PLEX_URL=silent.url,
            MEDIANEST_HEALTH_INTERVAL=0.3,
            MEDIANEST_HEALTH_TIMEOUT=0.3,
        )
        wait_until(lambda: statuses(server).get("plex-media-server") == "unhealthy")
        assert server.get("/api/v1/health/").json["status"] == "degraded"
