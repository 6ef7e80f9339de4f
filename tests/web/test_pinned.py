"""What others rely on by name: their clients, dashboards, configurations and imports.

Each set is in a file of tests/pinned, changed only on purpose and with a line in the CHANGELOG.
`python -m pytest tests/web/test_pinned.py --pin` writes them anew.
"""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client.metrics_core import Metric

from medianest.config import Settings
from medianest.config.sources import variables_of
from medianest.web.metrics import Metrics
from medianest.web.problem_kinds import KINDS

PINNED = Path(__file__).parents[1] / "pinned"
FACES = (
    "medianest.bridges.circuitbreaker",
    "medianest.bridges.logs",
    "medianest.bridges.prometheus",
    "medianest.bridges.requests",
    "medianest.dependencies",
    "medianest.flask",
    "medianest.health",
    "medianest.resilience",
)


@pytest.fixture
def holds(
    request: pytest.FixtureRequest,
) -> Callable[[str, Iterator[Any] | dict[str, Any] | list[str]], None]:
    """Whether lines are those of the file of that name."""

    def compare(name: str, lines: Iterator[Any] | dict[str, Any] | list[str]) -> None:
        file = PINNED / f"{name}.txt"
        found = sorted(set(lines))
        if request.config.getoption("--pin"):
            file.write_text("".join(f"{line}\n" for line in found))
        assert found == file.read_text().splitlines()

    return compare


@pytest.fixture
def look(busy_app: Flask) -> Callable[..., Any]:
    """What a viewer sees at a path."""
    viewer = {"Authorization": "Bearer the-viewer-token"}
    return lambda path: busy_app.test_client().get(path, headers=viewer)


def test_operations(
    look: Callable[..., Any],
    holds: Callable[[str, Iterator[Any] | dict[str, Any] | list[str]], None],
) -> None:
    paths = look("/docs/openapi.json").json["paths"].items()
    holds(
        "operations",
        (
            f"{operation['operationId']}: {method.upper()} {path}"
            for path, methods in paths
            for method, operation in methods.items()
        ),
    )


def test_schemas(
    look: Callable[..., Any],
    holds: Callable[[str, Iterator[Any] | dict[str, Any] | list[str]], None],
) -> None:
    schemas = look("/docs/openapi.json").json["components"]["schemas"].items()
    holds("schemas", (f"{name}: {' '.join(_fields(schema))}" for name, schema in schemas))


def _fields(schema: dict[str, Any]) -> list[str]:
    return sorted(schema.get("properties", schema.get("enum", ())))


def test_problems(holds: Callable[[str, Iterator[Any] | dict[str, Any] | list[str]], None]) -> None:
    holds("problems", (f"{name}: {kind.status}" for name, kind in KINDS.items()))


def test_metrics(
    busy_app: Flask, holds: Callable[[str, Iterator[Any] | dict[str, Any] | list[str]], None]
) -> None:
    families = Metrics(busy_app.extensions["medianest"]).collect()
    holds(
        "metrics", (f"{each.name} {each.type}: {_labels(each)}".rstrip(": ") for each in families)
    )


def _labels(family: Metric) -> str:
    """As they were declared: what has not happened yet has no samples."""
    return " ".join(family._labelnames or sorted(family.samples[0].labels))  # type: ignore[attr-defined] # noqa: SLF001


def test_settings(holds: Callable[[str, Iterator[Any] | dict[str, Any] | list[str]], None]) -> None:
    holds("settings", variables_of(Settings))


@pytest.mark.parametrize("face", FACES)
def test_imports(
    face: str, holds: Callable[[str, Iterator[Any] | dict[str, Any] | list[str]], None]
) -> None:
    module = importlib.import_module(face)
    assert all(hasattr(module, name) for name in module.__all__)
    holds(face, module.__all__)
