"""Programs that are not ours and that tests run: those of .tools, and those of the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import ROOT

__all__ = ["DEPLOY", "INSTALLED", "missing", "run", "tool"]

DEPLOY = ROOT / "deploy"
INSTALLED = ROOT / ".tools" / "deploy"

COMPLETE = "MEDIANEST_TEST_COMPLETE" in os.environ
"""Whether what is missing here fails the test: read before tests clear the environment."""

_FROM = {
    "nginx": "Debian: nginx-light",
    "prometheus": ".ci/prometheus",
    "promtool": ".ci/prometheus",
    "systemd-analyze": "Debian: systemd",
}
_PLACES = (INSTALLED / "bin", ROOT / ".tools", os.environ.get("PATH", ""), "/usr/sbin")


def tool(name: str) -> str:
    """The path of a tool; where there is none the test is skipped, or fails where all must be."""
    found = shutil.which(name, path=os.pathsep.join(map(str, _PLACES)))
    if found is None:
        missing(f"no {name} here ({_FROM.get(name, 'make tools')})")
    return str(found)


def missing(what: str) -> None:
    """Skip the test for want of something."""
    assert not COMPLETE, what
    pytest.skip(what)


def run(
    name: str,
    *arguments: str | Path,
    folder: Path = ROOT,
    variables: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run a tool, with its output caught. Raises TimeoutExpired after `timeout` seconds."""
    return subprocess.run(
        [tool(name), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
