"""Servers on real sockets that count who came, and names that the test itself resolves."""

import ipaddress
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from medianest.config import DatabaseSettings
from medianest.dependencies.addresses import Addresses
from medianest.dependencies.probe import HealthProbe
from medianest.dependencies.registrar import DependencyRegistrar
from medianest.health import Check, CheckResult, HealthMonitor
from medianest.resilience import ResilienceService
from medianest.storage import Database
from medianest.storage.dependencies import DependencyStore

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))


class Server:
    """Does `answer(connection)` for each request; `requests` are their bytes, `accepted` counts
    the connections."""

    def __init__(self, answer, address="127.0.0.1", tls=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, 0), family=family)
        self.port = self.listener.getsockname()[1]
        self.answer = answer
        self.tls = tls
        self.accepted = 0
        self.requests = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
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

    def stop(self):
        if self.listener.fileno() == -1:
            return
        # A close alone does not wake the thread that accepts.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)


@pytest.fixture
def serving():
    """`serving(answer)` is a Server; bytes are sent as they are."""
    servers = []

    def start(answer=OK, **options):
        send = answer if callable(answer) else lambda connection: connection.sendall(answer)
        servers.append(Server(send, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def probe():
    """May go to this machine itself."""
    return HealthProbe(Addresses(LOOPBACK), timeout=10.0)


@pytest.fixture
def names(monkeypatch):
    """`names["nas.lan"] = [first, second]`: the addresses that each look-up of a name finds, one
    after the other, the last one for ever. Other names are unknown."""
    known = {}

    def getaddrinfo(host, port, *args, **options):
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
def certificate(tmp_path_factory):
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
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def processes(tmp_path, clock, probe, migrated_file):
    """`processes()` is the registrar of one more process on one database."""
    shutil.copy(migrated_file, tmp_path / "nest.db")
    made = []

    def start():
        service = ResilienceService(clock=clock)
        url = f"sqlite:///{tmp_path / 'nest.db'}"
        database = Database(url, DatabaseSettings(), service, threads=4)
        monitor = HealthMonitor(clock)
        monitor.add(Check("database", CheckResult))

        def check_of(name, criticality, run):
            return Check(name, run, kind="external", criticality=criticality)

        store = DependencyStore(database, clock)
        taken = ("plex", "system")
        registrar = DependencyRegistrar(store, service, monitor, probe, check_of, taken)
        registrar.database, registrar.service, registrar.monitor = database, service, monitor
        made.append(registrar)
        return registrar

    yield start
    for registrar in made:
        registrar.database.close()


@pytest.fixture
def registrar(processes):
    return processes()


@pytest.fixture
def other(registrar, processes):
    return processes()
