"""deploy/proxies: the proxies themselves read their files. Traefik has no such command; that it
does what its file says is in tests/integration/test_behind_proxies.py."""

from pathlib import Path

from tests.support.proxies import FILES, wrapped
from tests.support.tools import run


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    _, *options = wrapped(tmp_path, (FILES / "nginx.conf").read_text())
    done = run("nginx", "-t", *options)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    file = FILES / "Caddyfile"
    kept = {"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = run("caddy", "validate", "--config", file, "--adapter", "caddyfile", variables=kept)
    assert done.returncode == 0, done.stderr
    assert '"warn"' not in done.stderr
    formed = run("caddy", "fmt", "--diff", file)
    assert not [line for line in formed.stdout.splitlines() if line.startswith(("+", "-"))]
