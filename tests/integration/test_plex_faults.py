"""Each fault that Plex can have, as clients see it, on one server that outlives them all."""

from collections.abc import Iterator
from typing import Any

import pytest

from medianest.sandbox.process import SandboxProcess
from tests.support.server import QUICK, Server
from tests.support.waiting import wait_until

LIBRARIES = "/api/v1/media/libraries"
DEADLINE, MARGIN = QUICK["MEDIANEST_REQUEST_TIMEOUT"], 0.25


@pytest.fixture(scope="module")
def plex() -> Iterator[SandboxProcess]:
    with SandboxProcess.start(kind="plex", port=0) as process:
        yield process


@pytest.fixture(scope="module")
def server(plex: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    variables: dict[str, Any] = {"MEDIANEST_PLEX_URL": plex.url, "MEDIANEST_PLEX_TOKEN": plex.token}
    server = Server(tmp_path_factory.mktemp("faults"), **variables, **QUICK)
    yield server.wait_until()
    server.stop()


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("status", {"status": 500}),
        ("status", {"status": 503, "retry_after": 1}),
        ("latency", {"seconds": 5}),
        ("reset", {}),
        ("truncate", {}),
        ("drip", {"interval": 0.05}),
        ("drip", {"interval": 0.05, "where": "headers"}),
        ("garbage", {}),
        ("unauthorized", {}),
        ("maintenance", {}),
    ],
)
def test_each_fault_degrades_and_ends(
    server: Server, plex: SandboxProcess, fault: str, options: dict[str, Any]
) -> None:
    for name in ("plex-media-server", "plex-media-server.libraries"):
        server.act("reset", name)
    assert not server.get(LIBRARIES).json["degraded"]
    plex.fault(fault, **options)
    answer = server.get(LIBRARIES)
    assert (answer.status, answer.json["degraded"]) == (200, True)
    assert answer.took < DEADLINE + MARGIN
    plex.clear_faults()
    wait_until(lambda: not server.get(LIBRARIES).json["degraded"])
