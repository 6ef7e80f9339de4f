"""Where the workers keep their sign of life when nearly nothing can be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

LOADED = """
import os, runpy, sys
os.access = lambda path, mode, **how: str(path) in sys.argv[1:]
print(runpy.run_path("gunicorn.conf.py")["worker_tmp_dir"])
"""


@pytest.mark.parametrize("can_be_written", [True, False])
def test_the_instance_folder_will_do_and_without_any_it_is_said(
    tmp_path: Path, can_be_written: bool
) -> None:
    """Keeps out: a container with a read-only root that never starts, with a traceback."""
    found = subprocess.run(
        [sys.executable, "-c", LOADED, *[str(tmp_path)] * can_be_written],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={**os.environ, "MEDIANEST_INSTANCE_PATH": str(tmp_path)},
    )  # fmt: skip
    if can_be_written:
        assert (found.stdout, found.returncode) == (f"{tmp_path}\n", 0)
    else:
        told = f"{tmp_path}: user {os.geteuid()} cannot write this folder"
        assert (told in found.stderr, found.stderr.count("\n")) == (True, 1)
