"""The OpenAPI document as it is served, before the linters that makers of clients use."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.app import create_app
from tests.lint import HERE, REDOCLY, SPECTRAL, node
from tests.web.conftest import TOKENS

COMPLETE = "MEDIANEST_TEST_COMPLETE" in os.environ
"""Whether what is missing here fails the test: read before tests clear the environment."""


@pytest.fixture(autouse=True)
def _linters() -> None:
    if not (REDOCLY.exists() and SPECTRAL.exists()):
        assert not COMPLETE, "the linters are missing"
        pytest.skip("no linters here: make linters")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A file with what the app answers."""
    folder = tmp_path_factory.mktemp("document")
    app = create_app({"env": "testing", "instance_path": folder, **TOKENS})
    headers = {"Authorization": f"Bearer {TOKENS['viewer_token']}"}
    file = folder / "openapi.json"
    file.write_bytes(app.test_client().get("/docs/openapi.json", headers=headers).data)
    yield file
    parts = app.extensions["medianest"]
    for part in (parts.media.plex, parts.media.overseerr, parts.storage.database):
        part.close()


@pytest.fixture
def broken(document: Any, tmp_path: Path) -> Any:
    """The same with a parameter of a path that the path does not have."""
    text = document.read_text().replace("{operation_id}", "{another}")
    file = tmp_path / "broken.json"
    file.write_text(text)
    return file


def redocly(file: Any) -> Any:
    """The rules that it breaks, warnings included."""
    done = node(REDOCLY, "lint", file, "--config", HERE / "redocly.yaml", "--format", "json")
    return {each["ruleId"] for each in json.loads(done.stdout)["problems"]}


def spectral(file: Any) -> Any:
    """The same of the other."""
    done = node(
        SPECTRAL, "lint", file, "--ruleset", HERE / "spectral.yaml", "--format", "json", "-q"
    )
    return {each["code"] for each in json.loads(done.stdout)}


@pytest.mark.parametrize("lint", [redocly, spectral])
def test_a_linter_finds_nothing_to_say(lint: Any, document: Any) -> None:
    assert lint(document) == set()


@pytest.mark.parametrize("lint", [redocly, spectral])
def test_a_linter_finds_what_is_wrong(lint: Any, broken: Any) -> None:
    """Keeps out: a linter that reads nothing, and so finds nothing."""
    assert lint(broken)
