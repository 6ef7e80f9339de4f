"""The HTTP machinery that every kind of sandbox server shares."""

from __future__ import annotations

import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from medianest.resilience.clock import Clock
from medianest.sandbox.control import Control, SandboxTraffic
from medianest.sandbox.effects import respond
from medianest.sandbox.faults import FaultTable
from medianest.sandbox.kinds import KINDS, is_control
from medianest.sandbox.messages import BODILESS, Reply, Request, Upstream, json_answer
from medianest.sandbox.wire import RawConnection

__all__ = ["SandboxServer"]

IDLE_SECONDS: Final = 60.0
"""A connection that is silent, or does not take its answer, for so long is closed."""
MAX_BODY: Final = 1_000_000


class SandboxServer(ThreadingHTTPServer):
    """Serves one upstream with faults; a thread per connection, none of which delays the exit."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self, upstream: Upstream, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None
    ) -> None:
        self.upstream = upstream
        own = {kind: fault.options for kind, fault in upstream.own_faults.items()}
        self.faults = FaultTable(clock, kinds={**KINDS, **own})
        self.traffic = SandboxTraffic()
        self.control = Control(self.faults, self.traffic, upstream)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of the host's name, which may take long."""
        TCPServer.server_bind(self)
        host, port, *_ = self.server_address
        self.server_name, self.server_port = str(host), int(port)

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"http://{host}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a client breaks off: under faults most do."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server: SandboxServer

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass

    def log_error(self, *args: Any) -> None:
        pass

    def serve(self) -> None:
        """Answer one request of any method."""
        request = self._request()
        answer = self._answer(request) if isinstance(request, Request) else request
        if answer is None:
            self.close_connection = True
        else:
            self._send(answer)

    def _answer(self, request: Request) -> Reply | None:
        if is_control(request.path):
            return self.server.control.answer(request)
        self.server.traffic.note(request)
        faults = self.server.faults.meet(request.path)
        return respond(faults, request, self.server.upstream, RawConnection(self.connection))

    def _request(self) -> Request | Reply:
        length = self.headers.get("Content-Length", "0")
        too_much = not length.isdecimal() or len(length) > 9 or int(length) > MAX_BODY
        if too_much or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # where the next request starts is unknown
            return json_answer(
                413, {"error": f"a body needs a Content-Length of at most {MAX_BODY}"}
            )
        try:
            parts = urlsplit(self.path)
        except ValueError:
            self.close_connection = True
            return json_answer(400, {"error": "the request's target is not a URL"})
        return Request(
            method=self.command,
            target=self.path,
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            header_names=tuple(self.headers.keys()),
            body=self.rfile.read(int(length)),
        )

    def _send(self, answer: Reply) -> None:
        bodiless = self.command == "HEAD" or answer.status in BODILESS
        # One write, so that no client sees the head long before the body.
        self.wfile.write(
            answer.head(close=self.close_connection) + (b"" if bodiless else answer.body)
        )


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    setattr(_Handler, f"do_{_method}", _Handler.serve)
