"""The image has no sandboxes: who asks for one there is told so."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT
from tests.support.ports import free_port

WITHOUT = """
import sys
sys.modules["medianest.sandbox.process"] = None
sys.argv = ["gunicorn", "--config", "gunicorn.conf.py"]
from gunicorn.app.wsgiapp import run
run()
"""


def test_a_start_that_needs_one_ends_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={**os.environ, "MEDIANEST_INSTANCE_PATH": str(tmp_path), "PORT": str(free_port()),
             "MEDIANEST_PLEX_URL": "http://127.0.0.1:1"},
    )  # fmt: skip
    assert (done.stderr, done.returncode) == (
        "medianest: there is no sandbox here: set MEDIANEST_OVERSEERR_URL, "
        "or MEDIANEST_SANDBOX=false\n",
        1,
    )
