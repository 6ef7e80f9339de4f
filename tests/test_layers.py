"""The layers of pyproject.toml hold: an import that climbs is found, whatever room it is in."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import grimp
import pytest

from tests.support import ROOT

LINTER = Path(sys.executable).with_name("lint-imports")


def layers() -> list[list[str]]:
    """The rooms of each layer, the highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (found,) = [each["layers"] for each in contracts["contracts"] if each["type"] == "layers"]
    return [re.split(r" [|:] ", layer) for layer in found]


@pytest.fixture
def lint(tmp_path: Path) -> Callable[[dict[str, Any]], tuple[int, str]]:
    """What the linter says of a copy of the package with a line more in some rooms."""
    shutil.copytree(ROOT / "medianest", tmp_path / "medianest")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    def run(lines: dict[str, Any]) -> tuple[int, str]:
        for room, line in lines.items():
            place = tmp_path.joinpath(*room.split("."))
            file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
            file.write_text(f"{file.read_text()}\n{line}\n")
        command = [str(LINTER), "--no-cache", "--no-logo"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    return run


def test_every_module_stands_in_a_layer() -> None:
    rooms = {room.removeprefix("medianest.") for layer in layers() for room in layer}
    files = (path for path in (ROOT / "medianest").iterdir() if path.suffix in ("", ".py"))
    assert {path.stem for path in files if path.name[0] != "_"} == rooms


def test_an_import_that_climbs_is_found_in_each_layer(
    lint: Callable[[dict[str, Any]], tuple[int, str]],
) -> None:
    steps = [(room, above[0]) for above, below in pairwise(layers()) for room in below]
    code, said = lint({room: f"import {above}" for room, above in steps})
    assert code == 1
    found = set(re.findall(r"(medianest\.\w+) is not allowed to import (medianest\.\w+):", said))
    assert set(steps) <= found


def test_the_package_as_it_is_climbs_nowhere(
    lint: Callable[[dict[str, Any]], tuple[int, str]],
) -> None:
    code, said = lint({})
    assert (code, "0 broken" in said) == (0, True)


def test_no_import_leads_back_to_where_it_began() -> None:
    """Those for types alone do not count: they are never made when the program runs."""
    graph = grimp.build_graph("medianest", exclude_type_checking_imports=True, cache_dir=None)
    left = {each: set(graph.find_modules_directly_imported_by(each)) for each in graph.modules}
    while ends := [module for module, imported in left.items() if not imported]:
        for module in ends:
            del left[module]
        for imported in left.values():
            imported.difference_update(ends)
    assert left == {}
