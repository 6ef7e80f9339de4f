"""Who gets in, and who may read what lies there: the server as it runs."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.server import Server

READY = "/api/v1/health/ready"


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_strangers_get_in_neither_by_name_nor_by_file(
    no_umask: None, serve: Callable[..., Server], tmp_path: Path
) -> None:
    """One server: it is started with a umask that takes nothing away, and behind a proxy."""
    server = serve(
        MEDIANEST_OPERATOR_TOKEN="",
        MEDIANEST_TRUSTED_PROXIES="127.0.0.0/8",
        MEDIANEST_ALLOWED_HOSTS="house.example",
    )
    folder = tmp_path / "0"
    kept = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("medianest.db", "medianest.db-wal", "medianest.db-shm", "operator.token"):
        assert kept[name] == 0o600, name

    # What a browser sends that has been led here by a name of the attacker's.
    assert server.get(READY, headers={"Host": f"rebound.example:{server.port}"}).status == 421
    assert server.get(READY, headers={"Host": f"127.0.0.1:{server.port}"}).status == 200

    # gunicorn itself believes such headers of this machine, and refuses those that contradict.
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off", "Script-Name": "/evil"}
    said |= {"X-Forwarded-Host": "house.example", "X-Forwarded-Prefix": "/nest"}
    found = server.get("/docs/openapi.json", headers=said)
    assert found.json["servers"] == [{"url": "https://house.example/nest"}]
    elsewhere = server.get("/docs/openapi.json", headers={"X-Forwarded-Host": "rebound.example"})
    assert elsewhere.status == 421
