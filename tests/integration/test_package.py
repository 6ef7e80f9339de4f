"""The package as others get it: built, and installed where nothing else is, outside of a clone."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from medianest import __version__
from tests.support import ROOT
from tests.support.distributions import needed
from tests.support.narrowing import not_none
from tests.support.ports import free_port
from tests.support.waiting import wait_until

SDIST = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
OFFLINE = ("--quiet", "--no-index", "--no-deps")
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("MEDIANEST_", "PYTHON"))
}
LIBRARY = """
from medianest.bridges.circuitbreaker import circuit
from medianest.bridges.logs import log_events
from medianest.dependencies import MonitoredService
from medianest.resilience import Bulkhead, CircuitBreaker, Fallback, Pipeline, Retry

pipeline = Pipeline("weather", [
    Fallback(lambda error: "unknown"), Retry(initial_delay=0.01),
    CircuitBreaker("weather"), Bulkhead("weather"),
])
service = MonitoredService()
service.register_dependency("weather", health_check=lambda: True)
print(pipeline.call(lambda: 1 / 0), service.execute("weather", circuit(lambda: "sun")))
"""
EXTENSION = """
from flask import Flask
from medianest.flask import Resilience

app = Flask("shop")
resilience = Resilience(app)
app.add_url_rule("/", view_func=resilience.protect(service="shop")(lambda: "open"))
print(app.test_client().get("/").text)
resilience.service.register_dependency("nas", health_check_url="http://nas:5000/")
"""


SURFACE = """
from flask import Flask
from medianest.flask import Resilience

app = Flask("shop")
app.testing = True
resilience = Resilience(app, endpoints="/resilience", page=True, metrics="/metrics")
client = app.test_client()
paths = "/resilience/status", "/resilience/page/", "/resilience/page/assets/page.js", "/metrics"
print(*(client.get(path).status_code for path in paths))
"""


class Environment:
    """A virtual environment with the wheel and what some extras of it bring, and nothing else."""

    def __init__(self, folder: Path, wheel: Path, extras: tuple[str, ...]) -> None:
        self.folder = folder / "empty"
        self.folder.mkdir(parents=True)
        self.bin = folder / "venv" / "bin"
        run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
        pip("--python", self.bin / "python", "install", *OFFLINE, "--no-compile", wheel)
        (self.packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
        for name in needed(extras):
            self._borrow(name)

    def _borrow(self, name: str) -> None:
        """A distribution of the environment that the tests run in, which saves a download."""
        files = not_none(distribution(name).files)
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            (self.packages / top).symlink_to(Path(str(distribution(name).locate_file(top))))

    def run(
        self, program: str, *arguments: str, **variables: Any
    ) -> subprocess.CompletedProcess[str]:
        """A program of it, in a folder where nothing is; how it ended."""
        return subprocess.run(
            [self.bin / program, *arguments], cwd=self.folder, env={**CLEAN, **variables},
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    def last_words(self, statement: str) -> str:
        """The last line of what Python says when it runs this."""
        return self.run("python", "-c", statement).stderr.splitlines()[-1]


def run(*command: str | Path, **options: Any) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr


def pip(*arguments: str | Path) -> None:
    run(sys.executable, "-m", "pip", *arguments)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of the sdist, so that this is seen to be whole."""
    source, built = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "medianest", source / "medianest", ignore=ignored)
    run(sys.executable, "-c", SDIST, built, cwd=source)
    (sdist,) = built.iterdir()
    pip("wheel", *OFFLINE, "--no-build-isolation", "--wheel-dir", built, sdist)
    return built / f"medianest-{__version__}-py3-none-any.whl"


@pytest.fixture(scope="module")
def environment(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Environment]:
    """`environment("flask")` has what this extra brings."""
    return lambda *extras: Environment(tmp_path_factory.mktemp("venv"), wheel, extras)


@pytest.fixture(scope="module")
def library(environment: Callable[..., Any]) -> Environment:
    return environment()


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    """Keeps out: a page without its templates, scripts and styles."""
    files = (file for file in (ROOT / "medianest").rglob("*") if file.is_file())
    wanted = {str(f.relative_to(ROOT)) for f in files if "__pycache__" not in f.parts}
    assert wanted >= {
        "medianest/page/static/idiomorph.LICENSE",
        "medianest/page/static/page.js",
        "medianest/page/templates/page/frame.html",
        "medianest/web/views/templates/docs.css",
    }
    with zipfile.ZipFile(wheel) as found:
        assert wanted - set(found.namelist()) == set()


def test_the_library_alone_is_two_distributions_and_small(library: Environment) -> None:
    found = library.run("python", "-c", "import importlib.metadata as m\n"
                        "print(*sorted(d.name for d in m.distributions()))")  # fmt: skip
    assert found.stdout.split() == ["blinker", "medianest"]
    files = (
        Path(folder, name)
        for folder, _, names in os.walk(library.packages, followlinks=True)
        for name in names
        if not name.endswith(".pyc")  # Python makes those, and who installs chooses whether now
    )
    assert sum(file.stat().st_size for file in files) < 2_400_000
    assert library.run("python", "-c", LIBRARY).stdout == "unknown sun\n"


@pytest.mark.parametrize(
    ("module", "missing", "extra"),
    [
        ("medianest.flask", "flask", "flask"),
        ("medianest.bridges.prometheus", "prometheus_client", "prometheus"),
        ("medianest.bridges.requests", "requests", "requests"),
        ("medianest.wsgi", "flask", "server"),
    ],
)
def test_what_needs_an_extra_says_so(
    library: Environment, module: str, missing: str, extra: str
) -> None:
    told = f"ModuleNotFoundError: {missing} is not installed: pip install 'medianest[{extra}]'"
    assert library.last_words(f"import {module}") == told


@pytest.mark.parametrize("arguments", [(), ("--help",), ("serve",)])
def test_the_command_says_what_to_install(library: Environment, arguments: tuple[str, ...]) -> None:
    done = library.run("medianest", *arguments)
    told = "medianest: click is not installed: pip install 'medianest[server]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)


def test_the_extension_needs_flask_alone(environment: Callable[..., Any]) -> None:
    plain = environment("flask")
    done = plain.run("python", "-c", EXTENSION)
    assert done.stdout == "open\n"
    told = "requests is not installed: pip install 'medianest[requests]'"
    assert done.stderr.splitlines()[-1].endswith(told)
    told = "psutil is not installed: pip install 'medianest[endpoints]'"
    assert plain.last_words(SURFACE).endswith(told)


def test_a_page_of_its_own_needs_no_database(environment: Callable[..., Any]) -> None:
    done = environment("endpoints").run("python", "-c", SURFACE)
    assert (done.stdout, done.stderr) == ("200 200 200 200\n", "")


@pytest.fixture(scope="module")
def server(environment: Callable[..., Any]) -> Environment:
    return environment("server")


def test_alerts_for_people_need_an_extra_of_their_own(server: Environment) -> None:
    assert "serve" in server.run("medianest", "--help").stdout
    done = server.run("medianest", "serve", MEDIANEST_ALERTS_URLS="ntfy://host/topic")
    told = "apprise is not installed: pip install 'medianest[notify]'"
    assert (done.returncode, done.stderr) == (1, f"medianest: MEDIANEST_ALERTS_URLS: {told}\n")


def test_the_server_serves_outside_of_a_clone(server: Environment) -> None:
    """In an empty folder, and with sandboxes, as whoever tries it has nothing else."""
    port = free_port()
    log = server.folder.parent / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [server.bin / "medianest", "serve", "--port", str(port)],
            cwd=server.folder, env=CLEAN, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_until_alive(process, port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert f"on http://127.0.0.1:{port}\n" in log.read_text()
    except BaseException:
        print(log.read_text())
        raise
    finally:
        process.kill()
        process.wait()
    upgraded = server.run("medianest", "db", "upgrade")
    assert (upgraded.returncode, upgraded.stderr) == (0, "")


def wait_until_alive(process: subprocess.Popen[bytes], port: int) -> None:
    def serves() -> bool:
        assert process.poll() is None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health/live"):
                return True
        except OSError:
            return False

    wait_until(serves, 30)
