"""Secrets are planted in every setting that takes one, everything fails, and none is seen."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.server import Server

SECRETS = {
    "MEDIANEST_OPERATOR_TOKEN": "planted-operator",
    "MEDIANEST_VIEWER_TOKEN": "planted-viewer-token",
    "MEDIANEST_CLIENT_TOKEN": "planted-client-token",
    "MEDIANEST_PLEX_TOKEN": "planted-plex",
    "MEDIANEST_OVERSEERR_API_KEY": "planted-overseerr",
    "MEDIANEST_DATABASE_URL": "postgresql://mn:planted-postgres@127.0.0.1:1/mn",
    "MEDIANEST_REDIS_URL": "redis://:planted-redis@127.0.0.1:1/0",
    "MEDIANEST_ALERTS_URLS": "json://me:planted-apprise@127.0.0.1:9/planted-path?cto=0.2",
}
OPERATOR = {"Authorization": "Bearer planted-operator", "Content-Type": "application/json"}


def test_no_answer_and_no_log_holds_a_secret(serve: Callable[..., Server]) -> None:
    server = serve(
        ready=False,
        MEDIANEST_ENV="production",
        MEDIANEST_LOG_LEVEL="DEBUG",
        MEDIANEST_PLEX_URL="http://127.0.0.1:1",
        MEDIANEST_OVERSEERR_URL="http://127.0.0.1:1",
        MEDIANEST_HEALTH_INTERVAL=0.2,
        MEDIANEST_ALERTS_HOLD=0,
        **SECRETS,
    )
    seen = []
    document = server.get("/docs/openapi.json", headers=OPERATOR)
    seen.append(document.body)
    until = time.monotonic() + 3  # in which alerts fire, and are sent to nobody
    while time.monotonic() < until:
        for path, operations in document.json["paths"].items():
            for method in operations:
                data = b"{}" if method == "post" else None
                answer = server.get(path.replace("{", "").replace("}", ""), headers=OPERATOR,
                                    data=data)  # fmt: skip
                seen.append(answer.body + str(answer.headers).encode())
                wrong = server.get(path, headers={"Authorization": "Bearer planted-wrong"})
                seen.append(wrong.body)
    seen += [server.get("/docs", headers=OPERATOR).body, server.log.encode()]
    assert len(seen) > 60
    assert b"alert" in seen[-1]
    found = {word for text in seen for word in text.split() if b"planted-" in word}
    assert found == set()
    for line in server.log.splitlines():
        assert not line or line.startswith(("MediaNest", "  ")) or json.loads(line)["message"]


@pytest.mark.slow
def test_the_settings_are_shown_without_them(tmp_path: Path) -> None:
    (tmp_path / "medianest.toml").write_text('[plex]\ntimeout = 7\nurl = "http://plex:32400"\n')
    (tmp_path / "key").write_text("planted-file")
    (tmp_path / "key").chmod(0o600)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MEDIANEST_")}
    variables = {**SECRETS, "MEDIANEST_INSTANCE_PATH": str(tmp_path)}
    del variables["MEDIANEST_OVERSEERR_API_KEY"]
    variables["MEDIANEST_OVERSEERR_API_KEY_FILE"] = str(tmp_path / "key")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "medianest", "config", *arguments],
            cwd=ROOT,
            env={**clean, **variables},
            capture_output=True,
            text=True,
        )
        assert "planted-" not in done.stdout + done.stderr
        return done

    rows = [re.split(r"\s{2,}", line) for line in run().stdout.splitlines()]
    shown = {key: [origin, value] for key, origin, value in rows}
    assert shown["plex.timeout"] == [str(tmp_path / "medianest.toml"), "7.0"]
    assert shown["plex.token"] == ["MEDIANEST_PLEX_TOKEN", "********"]
    assert shown["overseerr.api_key"] == ["MEDIANEST_OVERSEERR_API_KEY_FILE", "********"]
    assert shown["database.url"][1] == "postgresql://mn:********@127.0.0.1:1/mn"
    assert shown["redis.url"][1] == "redis://:********@127.0.0.1:1/0"
    assert shown["log_level"] == ["default of development", "DEBUG"]
    assert shown["health.interval"] == ["default", "10.0"]
    settings = {each["key"]: each for each in json.loads(run("--json", "alerts").stdout)}
    assert settings["alerts.urls"]["value"] == ["********"]
    assert settings["alerts.hold"]["value"] == 30.0
    wrong = run("nonsense")
    assert (wrong.returncode, wrong.stdout) == (64, "")
    assert wrong.stderr == "medianest: there is no setting 'nonsense'; medianest config shows all\n"


def test_what_only_the_app_finds_wrong_ends_the_start_with_one_line(tmp_path: Path) -> None:
    """Keeps out: workers that fail and are started again, over and over."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MEDIANEST_")}
    variables = {"MEDIANEST_ALERTS_URLS": "planted", "MEDIANEST_INSTANCE_PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "medianest"],
        cwd=ROOT,
        env={**clean, **variables},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("medianest: MEDIANEST_ALERTS_URLS: number 1 is no URL that Apprise")
    assert "planted" not in line
