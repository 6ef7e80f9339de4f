"""deploy/compose: compose itself reads it, and what it sets is what there is to set."""

import json
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from medianest.config import Settings
from medianest.config.sources import variables_of
from tests.support.tools import DEPLOY, run

COMPOSE = DEPLOY / "compose"


@pytest.fixture(scope="module")
def project() -> Any:
    """As docker compose understands it."""
    done = run("docker-compose", "--file", COMPOSE / "compose.yaml", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The folder that secrets.sh makes."""
    shutil.copy(COMPOSE / "secrets.sh", tmp_path)
    subprocess.run([tmp_path / "secrets.sh"], check=True, capture_output=True, timeout=30)
    return tmp_path / "secrets"


def test_compose_knows_all_that_stands_in_it(project: Any) -> None:
    assert project["services"].keys() == {
        "medianest", "migration", "postgres", "valkey", "plex", "overseerr", "prometheus", "grafana"
    }  # fmt: skip


def test_each_service_is_watched_and_bounded(project: Any) -> None:
    for name, service in project["services"].items():
        assert name in ("medianest", "migration") or service["healthcheck"]["test"], name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_what_keeps_data_cannot_be_reached_from_outside(project: Any) -> None:
    assert project["networks"]["inside"]["internal"] is True
    for name in ("postgres", "valkey", "prometheus"):
        service = project["services"][name]
        assert list(service["networks"]) == ["inside"]
        assert "ports" not in service


def test_no_secret_stands_in_a_variable(project: Any) -> None:
    for name, service in project["services"].items():
        for variable, value in (service.get("environment") or {}).items():
            if any(word in variable for word in ("TOKEN", "PASSWORD", "KEY", "DATABASE_URL")):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert value.removeprefix("/run/secrets/") in project["secrets"]


def test_each_file_that_is_mounted_is_there(project: Any) -> None:
    sources = {
        Path(volume["source"])
        for service in project["services"].values()
        for volume in service.get("volumes", ())
        if volume["type"] == "bind" and volume["target"] != "/data"
    }
    assert len(sources) == 4
    assert all(source.exists() for source in sources)
    assert project["services"]["medianest"]["build"]["context"] == str(DEPLOY.parent)


def test_what_it_sets_are_settings_and_the_secrets_fit(
    project: Any, secrets: Path, tmp_path: Path
) -> None:
    """Keeps out: a variable with a typing error, which the server would ignore."""
    told = project["services"]["medianest"]["environment"]
    known = variables_of(Settings)
    assert {name.removesuffix("_FILE") for name in told} <= known.keys()
    for file in secrets.iterdir():
        file.chmod(0o600)  # they are not mounted here
    variables = {name: v.replace("/run/secrets", str(secrets)) for name, v in told.items()}
    settings = Settings.load({**variables, "MEDIANEST_ENV": "production"})
    password = (secrets / "postgres_password").read_text()
    assert settings.database_url == f"postgresql://medianest:{password}@postgres:5432/medianest"


def test_secrets_are_made_once_and_for_all_that_compose_wants(project: Any, secrets: Path) -> None:
    wanted = {Path(secret["file"]).name for secret in project["secrets"].values()}
    assert {file.name for file in secrets.iterdir()} == wanted
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    made = {file.name: file.read_text() for file in secrets.iterdir()}
    again = subprocess.run(
        [secrets.parent / "secrets.sh"], check=True, capture_output=True, text=True, timeout=30
    )
    assert made == {file.name: file.read_text() for file in secrets.iterdir()}
    assert "secrets/plex_token" in again.stdout
    assert len(made["operator_token"]) == 48
