"""Runs the test suite of the `circuitbreaker` package, unchanged, on its bridge.

`python -m tests.compat` fetches the sources of the installed version, because wheels carry no
tests, and exits as pytest does; arguments go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

DOWNLOAD_TIMEOUT = 120
RUN_TIMEOUT = 300

SETTINGS = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]

PLUGIN = '''
"""Makes `import circuitbreaker` mean the bridge, before the suite is collected."""

import sys

import medianest.bridges.circuitbreaker as bridge

assert "circuitbreaker" not in sys.modules, "the package itself was imported first"
sys.modules["circuitbreaker"] = bridge


def pytest_report_header(config):
    import circuitbreaker

    assert circuitbreaker is bridge
    return f"circuitbreaker is {circuitbreaker.__name__}"


def pytest_collection_finish(session):
    tested = {item.module.CircuitBreaker for item in session.items}
    assert tested == {bridge.CircuitBreaker}, f"tested something else: {tested}"


def pytest_sessionfinish(session):
    assert sys.modules["circuitbreaker"] is bridge


def pytest_terminal_summary(terminalreporter):
    passed = len(terminalreporter.stats.get("passed", ()))
    terminalreporter.write_line(f"{passed} of its tests passed on {bridge.__name__}")
'''


def main() -> int:
    """Fetch, unpack, run; the exit code is pytest's."""
    wanted = f"circuitbreaker=={version('circuitbreaker')}"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        suite = unpack(download(wanted, home), home)
        print(f"running the tests of {wanted}", flush=True)
        return run(suite, home)


def download(wanted: str, home: Path) -> Path:
    """The archive of the sources."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
    options = ["--no-deps", "--no-binary", ":all:", "--dest", str(home), wanted]
    subprocess.run([*pip, *options], check=True, timeout=DOWNLOAD_TIMEOUT)
    return next(home.glob("*.tar.gz"))


def unpack(archive: Path, home: Path) -> Path:
    """The folder of the tests, without the module that they are about."""
    with tarfile.open(archive) as sources:
        sources.extractall(home, filter="data")
    suite = next(home.glob("*/tests"))
    return suite.rename(home / "suite")


def run(suite: Path, home: Path) -> int:
    """Run pytest on the tests, with the plugin in the way of the import."""
    (home / "on_the_bridge.py").write_text(PLUGIN)
    options = ["-p", "on_the_bridge", *SETTINGS, "--rootdir", str(suite)]
    command = [sys.executable, "-m", "pytest", *options, *sys.argv[1:], str(suite)]
    path = os.pathsep.join([str(home), str(Path(__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, cwd=suite, env=environment, timeout=RUN_TIMEOUT).returncode


if __name__ == "__main__":
    sys.exit(main())
