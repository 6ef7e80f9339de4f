"""The image: hadolint has nothing to say of its Dockerfile, and any user runs it on a read-only
root, where `make image` has built it."""

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from medianest import __version__
from tests.support import ROOT
from tests.support.ports import free_port
from tests.support.tools import run
from tests.support.waiting import wait_until

IMAGE = "medianest"
BOUNDED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "host")
Engine = Callable[..., subprocess.CompletedProcess[str]]


def test_hadolint_has_nothing_to_say() -> None:
    done = run("hadolint", ROOT / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_finds_what_is_wrong(tmp_path: Any) -> None:
    """Keeps out: a check that reads nothing, and so finds nothing."""
    broken = tmp_path / "Dockerfile"
    broken.write_text((ROOT / "Dockerfile").read_text() + "USER root\n")
    assert run("hadolint", broken).returncode == 1


def test_no_sandbox_and_no_test_goes_into_it() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "medianest/sandbox" in ignored
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, re.MULTILINE)
    wanted = {f"!{name}" for line in copied for name in line.split()}
    assert wanted == {line for line in ignored if line.startswith("!")}
    assert "*" in ignored


def engine_with_image() -> str | None:
    for engine in ("docker", "podman"):
        if shutil.which(engine):
            look = [engine, "image", "inspect", IMAGE]
            if subprocess.run(look, capture_output=True, timeout=30).returncode == 0:
                return engine
    return None


@pytest.fixture(scope="module")
def engine() -> Engine:
    """What runs containers here; not even where all tools must be there, there must be one, as the
    base of the image has to be fetched."""
    found = engine_with_image()
    if found is None:
        pytest.skip("no image medianest here: make image, with docker or podman")

    def run_it(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [found, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    tried = run_it("run", "--rm", *BOUNDED, "--entrypoint", "python", IMAGE, "--version")
    if tried.returncode != 0:
        pytest.skip(f"{found} runs no containers here: {tried.stderr.splitlines()[-1]}")
    return run_it


@pytest.fixture(scope="module")
def running(engine: Engine) -> Iterator[tuple[str, str]]:
    """The name of a container of a user that the image has never heard of, and its address."""
    name, port = f"medianest-test-{free_port()}", free_port()
    variables = {
        "HOST": "127.0.0.1",
        "PORT": port,
        "MEDIANEST_DATABASE_MIGRATE": "true",
        "MEDIANEST_DRAIN_DELAY": 0,
        "MEDIANEST_OPERATOR_TOKEN": "the-token-of-the-operator",
    }
    given = [f"--env={variable}={value}" for variable, value in variables.items()]
    as_whom = ("--user", "12345:0", "--name", name)
    started = engine("run", "--rm", "--detach", *as_whom, *BOUNDED, *given, IMAGE)
    assert started.returncode == 0, started.stderr
    try:
        yield name, f"http://127.0.0.1:{port}"
    finally:
        engine("stop", "--time", "20", name)


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v1/health/ready", timeout=3) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_any_user_runs_it_on_a_read_only_root(engine: Engine, running: tuple[str, str]) -> None:
    name, url = running
    wait_until(lambda: is_ready(url), 30, told=lambda: engine("logs", name).stdout)
    (found,) = json.loads(engine("image", "inspect", IMAGE).stdout)
    check = found["Config"].get("Healthcheck") or found["Healthcheck"]  # docker's, podman's
    kind, *command = check["Test"]
    assert kind == "CMD"
    assert engine("exec", name, *command).returncode == 0
    labels = found["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == __version__


def test_a_folder_that_cannot_be_written_is_told_in_one_line(engine: Engine) -> None:
    done = engine("run", "--rm", "--user", "99:100", *BOUNDED, IMAGE)
    told = [line for line in done.stderr.splitlines() if line.startswith("medianest: ")]
    assert done.returncode == 1
    assert told == [
        "medianest: /app/instance: user 99 cannot read this folder: give it to that user "
        "(chown 99), or name another one in MEDIANEST_INSTANCE_PATH"
    ]
