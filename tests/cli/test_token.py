"""`medianest token new` changes the token in the instance folder, and no other."""

import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from medianest.cli.command import command
from medianest.cli.exits import Exit
from medianest.config import Settings
from medianest.page.session import Sessions
from medianest.resilience.clock import Clock, SystemClock
from medianest.web.auth import ensure_operator_token
from tests.support.narrowing import not_none


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDIANEST_INSTANCE_PATH", str(tmp_path / "instance"))
    return tmp_path / "instance" / "operator.token"


def sessions(clock: Clock, folder: Path) -> Sessions:
    return Sessions(b"key", "the-operator-token", clock, folder)


def link(**options: Any) -> Result:
    return CliRunner().invoke(command, ["token", "link"], **options)


def test_a_link_logs_a_browser_in(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIANEST_OPERATOR_TOKEN", "the-operator-token")
    monkeypatch.setenv("MEDIANEST_URL", "https://nas.lan/nest/")
    done = link()
    assert done.exit_code == 0, done.output
    page, _, code = done.output.strip().partition("#")
    assert page == "https://nas.lan/nest/login"
    assert sessions(SystemClock(), file.parent).redeem(code) == "operator"


def test_without_a_token_there_is_no_link(file: Path) -> None:
    done = link()
    assert done.exit_code == Exit.NO_TOKEN
    assert "there is no operator's token here" in done.output


def new(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(command, ["token", "new", *arguments], **options)


def test_the_token_that_the_server_takes_is_another_one(file: Path) -> None:
    def taken() -> str:
        return not_none(ensure_operator_token(Settings.load()).operator_token).get_secret_value()

    before = taken()
    done = new("--yes")
    assert done.exit_code == 0, done.output
    assert str(file) in done.output
    assert "SIGHUP" in done.output
    assert taken() == file.read_text().strip() != before
    assert taken() not in done.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["operator.token"]


def test_nobody_loses_a_token_unasked(file: Path) -> None:
    assert new().exit_code == 0  # there is none yet
    before = file.read_text()
    assert new().exit_code == Exit.WRONG_USE
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"MEDIANEST_OPERATOR_TOKEN": "some"}, "it is set by MEDIANEST_OPERATOR_TOKEN: "),
        ({"MEDIANEST_ENV": "production"}, "production takes it from MEDIANEST_OPERATOR_TOKEN: "),
        ({"MEDIANEST_PLEX_TIMEOUT": "-1"}, "MEDIANEST_PLEX_TIMEOUT: "),
    ],
)
def test_a_token_that_is_set_elsewhere_stays(
    file: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = new("--yes")
    assert (done.exit_code, told in done.stderr) == (Exit.WRONG_SETTING, True), done.output
    assert not file.exists()


def test_one_that_the_file_of_settings_holds_stays(file: Path) -> None:
    file.parent.mkdir()
    (file.parent / "medianest.toml").write_text('operator_token = "some"')
    assert f"it is set by {file.parent}/medianest.toml" in new("--yes").stderr
