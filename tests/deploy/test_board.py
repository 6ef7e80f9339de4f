"""Grafana's board: each panel asks for what a running server tells, and gets an answer."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.server import OPERATOR, Server
from tests.support.tools import DEPLOY, INSTALLED, missing, run

GRAFANA = DEPLOY / "grafana"
BOARD: Any = json.loads((GRAFANA / "dashboards" / "medianest.json").read_text("utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
VARIABLES = {"$instance": ".*", "$breaker": ".*", "$__rate_interval": "1m"}
AUTHORIZED = {"Authorization": f"Bearer {OPERATOR}"}
GROWS = re.compile(r"_(total|sum|count|bucket)$")
RARE = {
    "medianest_fallback_served_total",
    "medianest_left_out_elements_total",
    "medianest_recovery_actions_total",
}
"""Of what has not happened yet there are no samples."""


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The families of a server whose Plex is away."""
    folder = tmp_path_factory.mktemp("board")
    server = Server(folder, MEDIANEST_PLEX_URL="http://127.0.0.1:1")
    try:
        server.wait_until().get("/api/v1/media/libraries")
        for _ in range(2):  # a share of the processors lies between two looks
            server.get("/api/v1/health/comprehensive?refresh=true", headers=AUTHORIZED)
        text = server.get("/metrics").body.decode()
        yield list(text_string_to_metric_families(text))
    finally:
        server.stop()


def asked() -> Iterator[tuple[str, str]]:
    """The title of each panel and what it asks Prometheus for, with its variables filled in."""
    for panel in PANELS:
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            yield panel["title"], expression


def series(sample: Any) -> dict[str, str]:
    """A sample as promtool takes it; what only grows does so."""
    labels = {**sample.labels, "instance": "here"}
    told = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
    growth = "+1" if GROWS.search(sample.name) else ""
    return {"series": f"{sample.name}{{{told}}}", "values": f"{sample.value:g}{growth}x8"}


def test_each_panel_asks_for_what_is_told(scraped: Any) -> None:
    known = {sample.name for family in scraped for sample in family.samples} | RARE
    for title, expression in asked():
        names = set(re.findall(r"\b(?:medianest|process)_\w+", expression))
        assert names, title
        assert names <= known, title


def test_each_panel_gets_an_answer(scraped: Any, tmp_path: Path) -> None:
    """Keeps out: a label that nothing has, and an expression that Prometheus does not take."""
    wanted = [e for _, e in asked() if not any(name in e for name in RARE)]
    answers = [
        {
            "expr": f"count({expression}) > bool 0",
            "eval_time": "1m30s",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for expression in wanted
    ]
    inputs = [series(sample) for family in scraped for sample in family.samples]
    file = tmp_path / "board.test.yml"
    test = {"interval": "15s", "input_series": inputs, "promql_expr_test": answers}
    file.write_text(json.dumps({"evaluation_interval": "15s", "tests": [test]}))
    done = run("promtool", "test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_what_rarely_has_an_answer(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": e} for n, (_, e) in enumerate(asked())]
    file = tmp_path / "board.rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}))
    done = run("promtool", "check", "rules", "--lint=none", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration() -> None:
    file = DEPLOY / "prometheus" / "prometheus.yml"
    done = run("promtool", "check", "config", "--syntax-only", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_knows_all_that_stands_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grafana's own models of a board: what they do not know would be lost."""
    if not INSTALLED.exists():
        missing("no grafana-foundation-sdk here (make tools)")
    monkeypatch.syspath_prepend(INSTALLED)
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    read = json.loads(JSONEncoder().encode(Dashboard.from_json(BOARD)))
    assert list(lost(BOARD, read)) == []


def lost(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """What stands in one and not in the other; nothing is as good as an empty value."""
    if isinstance(one, dict):
        for name, value in one.items():
            if value not in (None, [], {}, ""):
                yield from lost(value, other.get(name), f"{path}/{name}")
    elif isinstance(one, list):
        for place, value in enumerate(one):
            yield from lost(value, other[place], f"{path}[{place}]")
    elif one != other:
        yield path


def test_each_panel_has_a_title_a_text_and_a_place_of_its_own() -> None:
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        rows, columns = (range(place[a], place[a] + place[b]) for a, b in (("y", "h"), ("x", "w")))
        squares = {(y, x) for y in rows for x in columns}
        assert not squares & taken, panel["title"]
        assert max(columns) < 24, panel["title"]
        taken |= squares
    assert all(panel["title"] and panel["description"] for panel in PANELS)


def test_what_is_provisioned_fits_together() -> None:
    (source,) = provisioned("datasources/prometheus.yml")["datasources"]
    wanted = BOARD["templating"]["list"][0]["current"]
    assert (wanted["text"], wanted["value"]) == (source["name"], source["uid"])
    (provider,) = provisioned("dashboards/medianest.yml")["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"


def provisioned(file: str) -> Any:
    return yaml.safe_load((GRAFANA / "provisioning" / file).read_text("utf-8"))
