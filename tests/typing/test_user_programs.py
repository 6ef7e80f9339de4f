"""What type checkers make of programs that use the library: ten that are right, ten that are not.

Both checkers read all programs in one run each: about ten seconds together, with an empty cache.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


PROGRAMS = Path(__file__).parent / "programs"
ROOT = PROGRAMS.parents[2]
GOOD, BAD = (
    sorted(path.name for path in PROGRAMS.glob(f"{kind}_*.py")) for kind in ("good", "bad")
)

Found = dict[str, dict[int, str]]
"""By program and line: what a checker says."""


def run(where: Path, module: str, *arguments: str, **environment: str) -> str:
    pytest.importorskip(module, reason=f"{module} comes with the extra of the tests")
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        cwd=where,
        env={**os.environ, **environment},
        timeout=120,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def of_mypy(where: Path) -> Found:
    out = run(
        where, "mypy", "--strict", "--follow-imports=silent", "--config-file=",
        "--no-error-summary", "--hide-error-context", "--no-pretty", ".", MYPYPATH=str(ROOT),
    )  # fmt: skip
    found: Found = defaultdict(dict)
    for line in out.splitlines():
        if said := re.match(r"(\w+\.py):(\d+): error: (.*)", line):
            found[said[1]][int(said[2])] = said[3]
    return found


def of_pyright(where: Path) -> Found:
    settings = {"include": ["."], "extraPaths": [str(ROOT)], "typeCheckingMode": "strict"}
    (where / "pyrightconfig.json").write_text(json.dumps(settings))
    out = run(
        where, "pyright", "--outputjson", f"--pythonpath={sys.executable}",
        PYRIGHT_PYTHON_IGNORE_WARNINGS="1",
    )  # fmt: skip
    found: Found = defaultdict(dict)
    for said in json.loads(out)["generalDiagnostics"]:
        if said["severity"] == "error":
            line = said["range"]["start"]["line"] + 1
            found[Path(said["file"]).name][line] = said["message"]
    return found


CHECKERS: dict[str, Callable[[Path], Found]] = {"mypy": of_mypy, "pyright": of_pyright}


@pytest.fixture(scope="module", params=CHECKERS)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """As its users have it: their programs in a folder of their own."""
    where = tmp_path_factory.mktemp(request.param) / "programs"
    shutil.copytree(PROGRAMS, where)
    return CHECKERS[request.param](where)


def test_there_are_ten_programs_of_each_kind() -> None:
    assert len(GOOD) >= 10
    assert len(BAD) >= 10


def test_a_checker_has_nothing_to_say_about_what_is_right(found: Found) -> None:
    assert {name: found[name] for name in GOOD if found[name]} == {}


def test_a_checker_sees_each_line_that_is_wrong_and_no_other(found: Found) -> None:
    """Keeps out: options that are Any, so that a misspelt one is seen when it runs at last."""
    for name in BAD:
        lines = (PROGRAMS / name).read_text().splitlines()
        wrong = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
        assert wrong
        assert set(found[name]) == wrong, (name, found[name])
