"""What the server says once it serves: everything that one needs to go on, in 80 columns."""

import re
from collections.abc import Callable
from pathlib import Path
from socket import AddressFamily
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from medianest.config import Settings
from medianest.server import banner

HERE = ("127.0.0.1", 8000)
SANDBOXES = [
    SimpleNamespace(kind="plex", url="http://127.0.0.1:32401"),
    SimpleNamespace(kind="overseerr", url="http://127.0.0.1:35055"),
]
TOKENS = {"operator_token": "the-operators-token", "client_token": "the-token-of-clients"}

Said = Callable[..., str]


@pytest.fixture
def said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Said:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))  # without a command beside it

    def say(
        *addresses: Any,
        env: str = "development",
        workers: int = 1,
        sandboxes: Any = (),
        **set_: Any,
    ) -> str:
        overrides = {"env": env, "instance_path": str(tmp_path), **set_}
        cfg = SimpleNamespace(address=list(addresses or [HERE]), workers=workers)
        settings = Settings.load(overrides=overrides, environ={})
        is_ours = env == "development"
        banner.show(SimpleNamespace(cfg=cfg, sandboxes=sandboxes), settings, is_ours)
        return capfd.readouterr().out

    return say


def test_a_first_run_reads_where_everything_is(said: Said, tmp_path: Path) -> None:
    told = said(sandboxes=SANDBOXES, operator_token="c2VjcmV0LW9mLXlvdXItb3du")
    assert re.sub(r"#[\w.-]+", "#CODE", told).replace(str(tmp_path), "instance") == (
        """\
MediaNest 0.1.0 (development) on http://127.0.0.1:8000

  page:      http://127.0.0.1:8000/login#CODE
             Open it within a minute: it signs you in as the operator, once.
             `medianest token link` prints another.
  docs:      http://127.0.0.1:8000/docs
  token:     c2VjcmV0LW9mLXlvdXItb3du
             The operator's, from instance/operator.token
  Plex:      a sandbox at http://127.0.0.1:32401 (no MEDIANEST_PLEX_URL)
  Overseerr: a sandbox at http://127.0.0.1:35055 (no MEDIANEST_OVERSEERR_URL)

  Ask for something:
    curl http://127.0.0.1:8000/api/v1/media/libraries
  Switch Plex off, ask twice, and watch the page:
    curl -X POST http://127.0.0.1:32401/sandbox/faults -d '{"kind": "reset"}'
    for n in 1 2; do curl http://127.0.0.1:8000/api/v1/media/libraries; done
  Switch Plex on again:
    curl -X DELETE http://127.0.0.1:32401/sandbox/faults

"""
    )


def test_the_command_is_named_as_a_shell_finds_it(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a newcomer types what the banner says, and there is no such command."""
    program = tmp_path / ".venv" / "bin" / "medianest"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.setattr("sys.executable", str(program.with_name("python")))
    monkeypatch.setenv("PATH", "")
    assert f"`{program} token link`" in said(**TOKENS)
    monkeypatch.chdir(tmp_path)
    assert "`.venv/bin/medianest token link`" in said(**TOKENS)
    monkeypatch.setenv("PATH", str(program.parent))
    assert "`medianest token link`" in said(**TOKENS)


@pytest.mark.parametrize("env", ["development", "production"])
def test_each_line_fits_a_terminal_of_80_columns(said: Said, tmp_path: Path, env: str) -> None:
    told = said(env=env, workers=4, sandboxes=SANDBOXES, **TOKENS).replace(str(tmp_path), "x")
    assert [line for line in told.splitlines() if len(line) > 80] == []


def test_where_it_listens_everywhere_it_tells_the_address_for_a_phone(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those of this machine alone, nor of its containers."""

    interfaces = {
        "lo": "127.0.0.1", "eth0": "192.168.1.20", "wlan0": "192.168.1.21", "eth1": "169.254.3.4",
        "docker0": "172.17.0.1", "br-5f2c": "172.18.0.1",
    }  # fmt: skip
    found = {
        name: [SimpleNamespace(family=AddressFamily.AF_INET, address=address)]
        for name, address in interfaces.items()
    }
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)
    told = said(("0.0.0.0", 8000))
    assert "page:      http://127.0.0.1:8000/" in told
    assert told.partition("phone:")[2].split()[:3] == [
        "http://192.168.1.20:8000/", "http://192.168.1.21:8000/", "docs:",
    ]  # fmt: skip


def test_a_log_of_production_holds_no_link_that_signs_in(said: Said) -> None:
    told = said(env="production", **TOKENS)
    assert "page:      http://127.0.0.1:8000/\n" in told
    assert "Sign in with a token, or by `medianest token link`." in told
    assert "#" not in told
    assert TOKENS["operator_token"] not in told


def test_what_nobody_can_do_is_told_with_the_setting(said: Said) -> None:
    told = said(env="production")
    assert "Nobody can sign in: set MEDIANEST_OPERATOR_TOKEN" in told
    assert "clients:   None may use the media API: set MEDIANEST_CLIENT_TOKEN" in told
    assert "Plex:      none: set MEDIANEST_PLEX_URL" in told


def test_several_workers_are_told(said: Said) -> None:
    assert "workers:   4, whose circuit breakers judge as one" in said(workers=4)
    assert "workers:" not in said()


def test_a_socket_in_a_file_has_no_page(said: Said) -> None:
    told = said("/run/medianest.sock")
    assert "on unix:/run/medianest.sock\n" in told
    assert "page:" not in told
    assert "curl" not in told


def test_a_folder_that_others_may_write_is_told_in_one_line(
    said: Said, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said()
    assert caplog.messages == []
    tmp_path.chmod(0o777)
    said()
    (line,) = caplog.messages
    assert line == (
        f"every user of this machine may write into {tmp_path} (mode 777): "
        "name one of its own in MEDIANEST_INSTANCE_PATH"
    )
