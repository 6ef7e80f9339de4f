"""docs/portals.md: what its snippets ask a server for is there."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.docs import ROOT
from tests.support.server import Server

TEXT = (ROOT / "docs" / "portals.md").read_text("utf-8")
HOST = "http://medianest:8000"
STATUS = "/api/v1/dashboard/status"


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def found(value: Any, path: str) -> Any:
    """What a dotted path leads to; names may stand in backticks, as JSONata wants it."""
    for name in path.replace("`", "").split("."):
        value = value[name]
    return value


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One in production, of which nothing that it depends on is there."""
    server = Server(
        tmp_path_factory.mktemp("portals"),
        MEDIANEST_ENV="production",
        MEDIANEST_DATABASE_MIGRATE="true",
        MEDIANEST_OPERATOR_TOKEN="the-operator-token-of-this-test",
        MEDIANEST_CLIENT_TOKEN="the-client-token-of-this-test",
        MEDIANEST_PLEX_URL="http://127.0.0.1:1",
        MEDIANEST_OVERSEERR_URL="http://127.0.0.1:1",
    )
    try:
        yield server.wait_until()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def status(server: Server) -> Any:
    headers = {"Authorization": "Bearer the-client-token-of-this-test"}
    return server.get(STATUS, headers=headers).json


def test_each_address_that_needs_no_token_answers(server: Server) -> None:
    paths = set(re.findall(rf"{HOST}(/[\w./-]+)", TEXT)) - {STATUS}
    assert paths == {"/api/v1/health", "/api/v1/health/live", "/badge.svg"}
    for path in paths:
        assert server.get(path).status == 200


def test_homepage_finds_its_fields(status: Any) -> None:
    services, _ = fenced("yaml")
    ((entry,),) = yaml.safe_load(services)[0].values()
    widget = entry["MediaNest"]["widget"]
    assert widget["url"] == HOST + STATUS
    shown = {each["field"]: found(status, each["field"]) for each in widget["mappings"]}
    assert shown["queue.pending"] == 0
    assert len(shown) == 4
    assert all(value is not None for value in shown.values())


def test_uptime_kuma_finds_its_field(status: Any) -> None:
    (query,) = re.findall(r"\| ``(by_name\S+)`` \|", TEXT)
    assert found(status, query) in ("unknown", "degraded", "unhealthy")


def test_grafana_finds_its_columns(status: Any) -> None:
    query = json.loads(fenced("json")[1])
    assert query["url"] == HOST + STATUS
    rows = found(status, query["root_selector"])
    assert {"plex-media-server", "overseerr"} <= {row["name"] for row in rows}
    assert all(row[column["selector"]] for row in rows for column in query["columns"])


def test_the_answer_has_the_shape_that_the_page_shows(status: Any) -> None:
    shown = json.loads(fenced("json")[0])
    assert list(status) == list(shown)
    assert shown["services"][0].keys() == status["services"][0].keys()
    assert shown["queue"].keys() <= status["queue"].keys()
    assert shown["by_name"]["plex-media-server"].keys() <= status["by_name"]["overseerr"].keys()
