"""A little HTTP server for the examples, which fails as often as it is told to.

with weather_server([503, 503]) as url:     # two answers of 503, and then good ones
    urllib.request.urlopen(url)
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SKY = b'{"sky": "blue"}'


class Weather(ThreadingHTTPServer):
    """Answers with each of the `failures` once, the first one first."""

    def __init__(self, failures: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.failures = failures


class Handler(BaseHTTPRequestHandler):
    server: Weather

    def do_GET(self) -> None:
        failures = self.server.failures
        self.send_response(failures.pop(0) if failures else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(SKY)))
        self.end_headers()
        self.wfile.write(SKY)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def weather_server(failures: list[int]) -> Iterator[str]:
    """The address of a server that runs until the end of the block; the list may grow."""
    with Weather(failures) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
