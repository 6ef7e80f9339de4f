"""`medianest alerts test` tells whether there is anybody to be told."""

import os
import subprocess
import sys
from pathlib import Path

from medianest.cli.exits import Exit


def test_alerts_that_go_nowhere_lack_a_setting(tmp_path: Path) -> None:
    """Keeps out: the code of a place that was tried and is not well."""
    done = subprocess.run(
        [sys.executable, "-m", "medianest", "alerts", "test"],
        env={**os.environ, "MEDIANEST_INSTANCE_PATH": str(tmp_path / "instance")},
        capture_output=True,
        timeout=20,
        text=True,
    )
    assert done.returncode == Exit.WRONG_SETTING
    assert "set MEDIANEST_ALERTS_URLS" in done.stderr
