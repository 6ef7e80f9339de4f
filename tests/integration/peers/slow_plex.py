"""A Plex that answers when it is told to, or after a while, and counts who is with it at once."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["SlowPlex"]

_NOTHING = json.dumps({"MediaContainer": {"size": 0, "totalSize": 0, "Metadata": []}}).encode()


class SlowPlex:
    """`takes` is how many seconds an answer takes; whoever leaves is not there any more. Health
    checks are answered at once: they take no place."""

    def __init__(self, takes: float) -> None:
        self.takes = takes
        self.most = 0
        """The most that there were at once."""
        self.calls = 0
        self._here: set[int] = set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def ports(self) -> set[int]:
        """From which its callers call."""
        with self._lock:
            return set(self._here)

    def receive(self, caller: socket.socket, port: int) -> None:
        """Let it wait for its answer."""
        with self._lock:
            self._here.add(port)
            self.calls += 1
            self.most = max(self.most, len(self._here))
        came_at = time.monotonic()
        try:
            while time.monotonic() - came_at < self.takes:
                if select.select([caller], [], [], 0.02)[0]:
                    return  # nothing more comes from a caller, until it leaves
        finally:
            with self._lock:
                self._here.discard(port)

    def begin_anew(self, takes: float) -> None:
        """Count anew, with answers that take so long."""
        with self._lock:
            self.takes, self.most, self.calls = takes, len(self._here), 0

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 200
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """It has left."""


def _handler_of(plex: SlowPlex) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/library/sections/"):
                plex.receive(self.connection, self.client_address[1])
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(_NOTHING)))
            self.end_headers()
            self.wfile.write(_NOTHING)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler
