"""`python -m tests.mutants [FILE_OR_FOLDER …]`: mutates the rooms, or these parts, and scores them.

A room is copied to `.mutants/`, where mutmut works. The exit code is 1 where fewer than 95 % of a
part's mutants are killed; those that `equivalent.txt` explains do not count.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.mutants.rooms import LEFT_OUT, ROOMS, Room, room_of
from tests.mutants.score import FileScore, read_equivalents, score

HOME = Path(__file__).parents[2]
WANTED = 0.95

SETTINGS = """
[tool.mutmut]
source_paths = ["medianest"]
only_mutate = {mutated}
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = {options}
timeout_constant = 5.0
timeout_multiplier = 4
"""

# PostgreSQL would be started anew for each mutant, and the tests on SQLite claim the same.
OPTIONS = (
    "--tb=no",
    "-k=not postgresql",
    "-pno:cacheprovider",
    "-pno:schemathesis",
    "-ptests.mutants.quickest_first",
)


def main(parts: list[str]) -> int:
    """Score these files and folders; without any, each room."""
    try:
        rooms = [room_of(part) for part in parts]
    except LookupError as error:
        print(error, file=sys.stderr)
        return 2
    if not parts:
        rooms, parts = list(ROOMS), [room.folder for room in ROOMS]
    return max(examine(room, part.rstrip("/")) for room, part in zip(rooms, parts, strict=True))


def examine(room: Room, part: str) -> int:
    """Mutate a part of a room; 1 when too many mutants survive."""
    copy = HOME / ".mutants" / room.name
    prepare(copy, room, part)
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1"]
    environment = {**os.environ, "PYTHONPATH": "."}
    if (code := subprocess.run(command, cwd=copy, env=environment).returncode) != 0:
        return code
    files = [str(file.relative_to(HOME)) for file in sources(part)]
    return report(part, score(copy, files, read_equivalents()))


def prepare(copy: Path, room: Room, part: str) -> None:
    """A fresh copy of code and tests, with mutmut's settings for this part."""
    shutil.rmtree(copy, ignore_errors=True)
    for folder in ("medianest", "tests"):
        shutil.copytree(HOME / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    settings = SETTINGS.format(
        mutated=json.dumps([part if part.endswith(".py") else f"{part}/*.py"]),
        tests=json.dumps(room.tests),
        options=json.dumps([*OPTIONS, *(f"--deselect={test}" for test in LEFT_OUT)]),
    )
    project = (HOME / "pyproject.toml").read_text()
    (copy / "pyproject.toml").write_text(project + settings)


def sources(part: str) -> list[Path]:
    """The files of a part."""
    path = HOME / part
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def report(part: str, scores: list[FileScore]) -> int:
    """Print what survived and the score of each file; 1 when it is too low."""
    for mutation in (mutation for each in scores for mutation in each.survived):
        print(f"\nsurvived: {mutation}")
    print()
    for each in scores:
        print(each)
    total = FileScore(
        part,
        sum(each.killed for each in scores),
        sum(each.equivalent for each in scores),
        [mutation for each in scores for mutation in each.survived],
    )
    print(total, f"(at least {WANTED:.0%} wanted)")
    return 0 if total.share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
