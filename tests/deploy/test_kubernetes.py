"""deploy/kubernetes: kubectl builds it, and Kubernetes' own schemas know all of it."""

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from medianest.app import create_app
from medianest.config import Settings
from medianest.config.sources import variables_of
from tests.support.tools import DEPLOY, INSTALLED, missing, run

KUBERNETES = DEPLOY / "kubernetes"
SECRETS = "/run/secrets/medianest/"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the overlay of a house, with its example of secrets."""
    folder = tmp_path_factory.mktemp("kubernetes")
    shutil.copytree(KUBERNETES, folder / "k")
    home = folder / "k" / "overlays" / "home"
    shutil.copy(home / "secrets.env.example", home / "secrets.env")
    done = run("kubectl", "kustomize", home)
    assert (done.returncode, done.stderr) == (0, "")
    file = folder / "built.yaml"
    file.write_text(done.stdout)
    return file


@pytest.fixture(scope="module")
def made(built: Path) -> dict[str, Any]:
    """The resources by their kinds."""
    return {each["kind"]: each for each in yaml.safe_load_all(built.read_text())}


def validated(file: Path, version: str) -> subprocess.CompletedProcess[str]:
    """What kubernetes-validate says of a file, by the strict schemas of a version."""
    program = INSTALLED / "bin" / "kubernetes-validate"
    if not program.exists():
        missing("no kubernetes-validate here (make tools)")
    options = ("--strict", "--kubernetes-version", version)
    command = [sys.executable, str(program), *options, str(file)]
    variables = {**os.environ, "PYTHONPATH": str(INSTALLED)}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_the_schemas_of_kubernetes_know_all_of_it(built: Path, version: str) -> None:
    done = validated(built, version)
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_find_what_is_wrong(built: Path, tmp_path: Path) -> None:
    """Keeps out: a check that reads nothing, and so finds nothing."""
    broken = tmp_path / "broken.yaml"
    broken.write_text(built.read_text().replace("readinessProbe", "redinessProbe"))
    done = validated(broken, "1.37")
    assert done.returncode == 1
    assert "redinessProbe" in done.stdout + done.stderr


def pods(made: dict[str, Any]) -> Iterator[Any]:
    for kind in ("Deployment", "Job"):
        yield made[kind]["spec"]["template"]["spec"]


def test_no_pod_has_more_rights_than_it_needs(made: dict[str, Any]) -> None:
    for pod in pods(made):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert "runAsUser" not in pod["securityContext"]  # any will do
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


def test_probes_ask_for_what_there_is(made: dict[str, Any], tmp_path: Path) -> None:
    (container,) = next(pods(made))["containers"]
    app = create_app({"env": "testing", "instance_path": str(tmp_path)})
    paths = {rule.rule for rule in app.url_map.iter_rules()}
    (port,) = container["ports"]
    assert str(port["containerPort"]) == made["ConfigMap"]["data"]["PORT"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["path"] in paths
        assert asked["port"] == port["name"]
    (service,) = made["Service"]["spec"]["ports"]
    assert service["targetPort"] == port["name"]


def test_there_is_time_to_end(made: dict[str, Any]) -> None:
    """Keeps out: a pod that is killed with requests in flight."""
    pod = next(pods(made))
    defaults = Settings.load({"MEDIANEST_ENV": "production"})
    wait = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = wait + defaults.drain_delay + defaults.request_timeout
    assert pod["terminationGracePeriodSeconds"] > needed


def test_selectors_find_the_pods(made: dict[str, Any]) -> None:
    labels = made["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    for selector in (
        made["Deployment"]["spec"]["selector"]["matchLabels"],
        made["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        made["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        made["Service"]["spec"]["selector"],
    ):
        assert selector.items() <= labels
    migration = made["Job"]["spec"]["template"]["metadata"]["labels"].items()
    assert not made["Service"]["spec"]["selector"].items() <= migration


def test_what_it_sets_are_settings_and_the_secrets_fit(
    made: dict[str, Any], tmp_path: Path
) -> None:
    variables = made["ConfigMap"]["data"]
    known = variables_of(Settings).keys() | {"HOST", "PORT"}
    assert {name.removesuffix("_FILE") for name in variables} <= known
    for name, value in made["Secret"]["data"].items():
        (tmp_path / name).write_bytes(base64.b64decode(value))
        (tmp_path / name).chmod(0o600)
    read = {name: value.replace(SECRETS, f"{tmp_path}/") for name, value in variables.items()}
    settings = Settings.load(read)
    assert settings.database_url.startswith("postgresql://")
    files = {v.removeprefix(SECRETS) for v in variables.values() if v.startswith(SECRETS)}
    assert files == made["Secret"]["data"].keys()
