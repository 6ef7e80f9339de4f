"""A server that answers any question with what a test gives it, on a real socket."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class AnsweringServer:
    """Answers `body` with 200 to whatever comes; `asked` counts that, and `path` and `headers` are
    the last one's. `date` is what its clock says, where that is not the time. With
    `redirects_to` it sends everybody there."""

    def __init__(self) -> None:
        self.body = b"{}"
        self.asked = 0
        self.path = ""
        self.date: str | None = None
        self.redirects_to: str | None = None
        self.headers: Mapping[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one go

            def date_time_string(self, timestamp: float | None = None) -> str:
                return outer.date or super().date_time_string(timestamp)

            def do_GET(self) -> None:
                outer.asked += 1
                outer.path = self.path
                outer.headers = dict(self.headers)
                self.send_response(302 if outer.redirects_to else 200)
                if outer.redirects_to:
                    self.send_header("Location", outer.redirects_to)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)
                self.wfile.flush()

            def log_message(self, message: str, *args: Any) -> None:
                """Say nothing."""

        return Handler
