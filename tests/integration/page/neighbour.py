"""Another program on the same host: what browsers send it, and what its pages try."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Neighbour", "neighbour"]

PREFIX = "/nest"


class Neighbour(ThreadingHTTPServer):
    """Answers every path with `page`. What is below PREFIX it passes on to `behind`, as a reverse
    proxy does."""

    def __init__(self, behind: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind, self.page = behind, ""
        self.cookies: list[str] = []

    def url(self, host: str) -> str:
        return f"http://{host}:{self.server_port}"


@contextmanager
def neighbour(behind: int) -> Iterator[Neighbour]:
    """One that ends with the block."""
    with Neighbour(behind) as found:
        threading.Thread(target=found.serve_forever, args=(0.05,), daemon=True).start()
        yield found
        found.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: Neighbour

    def do_GET(self) -> None:
        if self.path.startswith(PREFIX):
            return self._pass_on()
        self.server.cookies.append(self.headers.get("Cookie", ""))
        return self._answer(200, {"Content-Type": "text/html"}, self.server.page.encode())

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        told = {"For": "192.0.2.1", "Host": self.headers["Host"], "Prefix": PREFIX}
        headers = dict(self.headers) | {f"X-Forwarded-{name}": told[name] for name in told}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        behind = HTTPConnection("127.0.0.1", self.server.behind, timeout=10)
        behind.request(self.command, self.path.removeprefix(PREFIX), body, headers)
        answer = behind.getresponse()
        self._answer(answer.status, dict(answer.getheaders()), answer.read())
        behind.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError):  # a page that is left waits for nothing
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
