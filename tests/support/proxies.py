"""The reverse proxies of deploy/proxies in front of servers, each as a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.server import Server
from tests.support.tools import DEPLOY, tool
from tests.support.waiting import wait_until

__all__ = ["FILES", "PROXIES", "proxy", "wrapped"]

FILES = DEPLOY / "proxies"
BACKEND = "127.0.0.1:8000"
NAMES = ("medianest.example.org", "house.example.org")

_NGINX = """\
daemon off;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/medianest.conf;
}}
"""


@contextmanager
def proxy(name: str, folder: Path, *servers: Server) -> Iterator[int]:
    """The port of a proxy in front of servers (of one, but for nginx), with the file that is
    deployed: only the addresses are others. Skips the test where there is no such program."""
    port = free_port()
    command = PROXIES[name](folder, port, [f"127.0.0.1:{server.port}" for server in servers])
    kept = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **kept}, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: _listens(port), told=lambda: (folder / f"{name}.log").read_text())
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wrapped(folder: Path, text: str) -> list[str]:
    """The command for an nginx with this as a file of its conf.d."""
    (folder / "medianest.conf").write_text(text)
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder))
    return [tool("nginx"), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


def _nginx(folder: Path, port: int, servers: Sequence[str]) -> list[str]:
    text = (FILES / "nginx.conf").read_text()
    text = _replaced(text, f"server {BACKEND};", "".join(f"server {each};" for each in servers))
    return wrapped(folder, _replaced(text, "listen 80;", f"listen 127.0.0.1:{port};"))


def _caddy(folder: Path, port: int, servers: Sequence[str]) -> list[str]:
    text = _replaced((FILES / "Caddyfile").read_text(), BACKEND, *servers)
    for name in NAMES:
        text = _replaced(text, f"\n{name} {{", f"\nhttp://{name}:{port} {{")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text)
    return [tool("caddy"), "run", "--config", str(folder / "Caddyfile")]


def _traefik(folder: Path, port: int, servers: Sequence[str]) -> list[str]:
    static = (FILES / "traefik.yml").read_text()
    (folder / "traefik.yml").write_text(_replaced(static, '":80"', f'"127.0.0.1:{port}"'))
    dynamic = (FILES / "traefik-medianest.yml").read_text()
    (folder / "traefik-medianest.yml").write_text(_replaced(dynamic, BACKEND, *servers))
    return [tool("traefik"), f"--configFile={folder / 'traefik.yml'}"]


PROXIES: dict[str, Callable[[Path, int, Sequence[str]], list[str]]] = {
    "nginx": _nginx,
    "caddy": _caddy,
    "traefik": _traefik,
}
"""By their names: what writes the files of each, and how it is started."""


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text, old
    return text.replace(old, new)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
