"""Servers on real sockets that count who came, and names that the test itself resolves."""

import ipaddress
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.config import DatabaseSettings
from medianest.dependencies.addresses import Addresses
from medianest.dependencies.probe import HealthProbe
from medianest.dependencies.registrar import DependencyRegistrar
from medianest.dependencies.url_check import UrlCheck
from medianest.health import Check, CheckResult, HealthMonitor
from medianest.resilience import Criticality, ManualClock, ResilienceService
from medianest.storage.database import Database
from medianest.storage.dependencies import DependencyStore

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))


class Server:
    """Does `answer(connection)` for each request; `requests` are their bytes, `accepted` counts
    the connections."""

    def __init__(
        self,
        answer: Callable[..., Any],
        address: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, 0), family=family)
        self.port = self.listener.getsockname()[1]
        self.answer = answer
        self.tls = tls
        self.accepted = 0
        self.requests: list[bytes] = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                with connection:
                    self.requests.append(connection.recv(65536))
                    self.answer(connection)
            except OSError:
                connection.close()  # the client had enough

    def stop(self) -> None:
        if self.listener.fileno() == -1:
            return
        # A close alone does not wake the thread that accepts.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)


@pytest.fixture
def serving() -> Iterator[Callable[..., Server]]:
    """`serving(answer)` is a Server; bytes are sent as they are."""
    servers = []

    def start(answer: bytes | Callable[..., Any] = OK, **options: Any) -> Server:
        send = answer if callable(answer) else lambda connection: connection.sendall(answer)
        servers.append(Server(send, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def probe() -> HealthProbe:
    """May go to this machine itself."""
    return HealthProbe(Addresses(LOOPBACK), timeout=10.0)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
    """`names["nas.lan"] = [first, second]`: the addresses that each look-up of a name finds, one
    after the other, the last one for ever. Other names are unknown."""
    known: dict[str, Any] = {}

    def getaddrinfo(host: str, port: int, *args: Any, **options: Any) -> list[tuple[Any, ...]]:
        try:
            found = [str(ipaddress.ip_address(host))]
        except ValueError:
            if host not in known:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
            found = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
        families = [socket.AF_INET6 if ":" in text else socket.AF_INET for text in found]
        return [
            (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (text, port))
            for family, text in zip(families, found, strict=True)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for nas.lan that nobody but itself has signed; its key is in the same file."""
    path = tmp_path_factory.mktemp("tls") / "nas.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=nas.lan -keyout"
    names = ["-addext", "subjectAltName=DNS:nas.lan"]
    try:
        made = subprocess.run(
            [*command.split(), path, "-out", f"{path}.crt", *names], capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("no openssl command here")
    assert made.returncode == 0, made.stderr
    with path.open("ab") as file:
        file.write((path.parent / "nas.pem.crt").read_bytes())
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class Registrar(DependencyRegistrar):
    """One whose process's parts are at hand."""

    database: Database
    store: DependencyStore
    service: ResilienceService
    monitor: HealthMonitor


@pytest.fixture
def processes(
    tmp_path: Path, clock: ManualClock, probe: HealthProbe, migrated_file: Path
) -> Iterator[Callable[[], Registrar]]:
    """`processes()` is the registrar of one more process on one database."""
    shutil.copy(migrated_file, tmp_path / "nest.db")
    made = []

    def start() -> Registrar:
        service = ResilienceService(clock=clock)
        url = f"sqlite:///{tmp_path / 'nest.db'}"
        database = Database(url, DatabaseSettings(), service, threads=4)
        monitor = HealthMonitor(clock)
        monitor.add(Check("database", CheckResult))

        def check_of(name: str, criticality: Criticality, run: UrlCheck) -> Check:
            return Check(name, run, kind="external", criticality=criticality)

        store = DependencyStore(database, clock)
        taken = ("plex", "system")
        registrar = Registrar(store, service, monitor, probe, check_of, taken)
        registrar.database, registrar.store = database, store
        registrar.service, registrar.monitor = service, monitor
        made.append(registrar)
        return registrar

    yield start
    for registrar in made:
        registrar.database.close()


@pytest.fixture
def registrar(processes: Callable[[], Registrar]) -> Registrar:
    return processes()


@pytest.fixture
def other(registrar: Registrar, processes: Callable[[], Registrar]) -> Registrar:
    return processes()
