"""What others rely on by name: their clients, dashboards, configurations and imports.

Each set is in a file of tests/pinned, changed only on purpose and with a line in the CHANGELOG.
`python -m pytest tests/web/test_pinned.py --pin` writes them anew.
"""

import importlib
from pathlib import Path

import pytest

from medianest.config import Settings
from medianest.config.sources import variables_of
from medianest.web.families import Families
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
def holds(request):
    """Whether lines are those of the file of that name."""

    def compare(name, lines):
        file = PINNED / f"{name}.txt"
        found = sorted(set(lines))
        if request.config.getoption("--pin"):
            file.write_text("".join(f"{line}\n" for line in found))
        assert found == file.read_text().splitlines()

    return compare


@pytest.fixture
def look(busy_app):
    """What a viewer sees at a path."""
    viewer = {"Authorization": "Bearer the-viewer-token"}
    return lambda path: busy_app.test_client().get(path, headers=viewer)


def test_operations(look, holds):
    paths = look("/docs/openapi.json").json["paths"].items()
    holds(
        "operations",
        (
            f"{operation['operationId']}: {method.upper()} {path}"
            for path, methods in paths
            for method, operation in methods.items()
        ),
    )


def test_schemas(look, holds):
    schemas = look("/docs/openapi.json").json["components"]["schemas"].items()
    holds("schemas", (f"{name}: {' '.join(_fields(schema))}" for name, schema in schemas))


def _fields(schema):
    return sorted(schema.get("properties", schema.get("enum", ())))


def test_problems(holds):
    holds("problems", (f"{name}: {kind.status}" for name, kind in KINDS.items()))


def test_metrics(busy_app, holds):
    families = Families(busy_app.extensions["medianest"]).collect()
    holds(
        "metrics", (f"{each.name} {each.type}: {_labels(each)}".rstrip(": ") for each in families)
    )


def _labels(family):
    """As they were declared: what has not happened yet has no samples."""
    return " ".join(family._labelnames or sorted(family.samples[0].labels))


def test_settings(holds):
    holds("settings", variables_of(Settings))


@pytest.mark.parametrize("face", FACES)
def test_imports(face, holds):
    module = importlib.import_module(face)
    assert all(hasattr(module, name) for name in module.__all__)
    holds(face, module.__all__)
