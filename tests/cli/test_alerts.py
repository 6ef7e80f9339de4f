"""`medianest alerts test` tells whether there is anybody to be told."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from medianest.cli.command import command
from medianest.cli.exits import Exit


def test_alerts_that_go_nowhere_lack_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: the code of a place that was tried and is not well."""
    monkeypatch.setenv("MEDIANEST_INSTANCE_PATH", str(tmp_path / "instance"))
    done = CliRunner().invoke(command, ["alerts", "test"])
    assert done.exit_code == Exit.WRONG_SETTING
    assert "set MEDIANEST_ALERTS_URLS" in done.stderr
