"""A place that alerts are sent to, and the alerts."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from medianest.health.alerts import Alert
from medianest.monitoring.notifier import Notifier, sample_alert
from medianest.resilience import ManualClock
from tests.support.waiting import wait_until

NOW = datetime(2026, 1, 1, tzinfo=UTC)


MAIL = "mailto://me:hunter2@127.0.0.1:1?smtp=127.0.0.1&from=a@example.org&to=b@example.org"


class Post:
    """A server that keeps what is sent to it, and answers with `status` once `gate` is open."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.asked = 0
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        post = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                post.asked += 1
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                post.gate.wait(10)
                if post.status == 200:
                    post.received.append(body)
                self.send_response(post.status)
                self.end_headers()

            def log_message(self, *args: str) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self) -> SecretStr:
        host = f"127.0.0.1:{self.server.server_port}"
        return SecretStr(f"json://me:hunter2@{host}/hunter2?cto=1&rto=1")

    @property
    def titles(self) -> list[str]:
        return [body["title"] for body in self.received]

    def stop(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def alert(subject: str = "plex", resolved: datetime | None = None, **fields: Any) -> Alert:
    made = replace(sample_alert(NOW), subject=subject, message=f"{subject} is down", **fields)
    return made if resolved is None else made.over(resolved)


def flush(notifier: Notifier, times: int = 1, clock: ManualClock | None = None) -> None:
    for _ in range(times):
        notifier.flush()
        wait_until(lambda: not sending())
        if clock is not None:
            clock.advance(200)


def sending() -> list[Any]:
    return [thread for thread in threading.enumerate() if thread.name == "notify"]
