"""The files of deploy/, before tools that are not ours: those that will read them one day.

`python -m tests.deploy` installs these tools into .tools, by the hashes of requirements.txt.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.tools import INSTALLED

__all__ = ["install"]

HERE = Path(__file__).parent


def install() -> int:
    """All of them into .tools; the exit code is pip's."""
    options = ("--disable-pip-version-check", "install", "--quiet", "--upgrade", "--no-deps")
    source = ("--require-hashes", "--requirement", HERE / "requirements.txt")
    target = ("--target", INSTALLED)
    command = [sys.executable, "-m", "pip", *options, *target, *source]
    return subprocess.run([*map(str, command)], check=False, timeout=600).returncode
