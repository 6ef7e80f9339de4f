"""A real Prometheus that scrapes a server."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.tools import tool
from tests.support.waiting import wait_until

__all__ = ["Prometheus"]


@dataclass
class Prometheus:
    """One that is asked over HTTP."""

    url: str

    @classmethod
    @contextmanager
    def scraping(
        cls, port: int, token: str, jobs: Mapping[str, int], folder: Path
    ) -> Iterator[Prometheus]:
        """It scrapes 127.0.0.1:`port` every so many seconds, by the name of the job."""
        (folder / "prometheus.yml").write_text(json.dumps(_configuration(port, token, jobs)))
        own = f"127.0.0.1:{free_port()}"
        with (folder / "prometheus.log").open("w") as log:
            process = subprocess.Popen(
                [
                    tool("prometheus"),
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address={own}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            found = cls(f"http://{own}")
            wait_until(found._is_ready, 20)
            yield found
        finally:
            process.terminate()
            process.wait(20)

    def ask(self, query: str, at: float | None = None) -> list[dict[str, Any]]:
        """The series that a query finds."""
        arguments = {"query": query, **({} if at is None else {"time": str(at)})}
        url = f"{self.url}/api/v1/query?{urllib.parse.urlencode(arguments)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _configuration(port: int, token: str, jobs: Mapping[str, int]) -> dict[str, Any]:
    """As JSON, which is YAML, too."""
    return {
        "scrape_configs": [
            {
                "job_name": name,
                "scrape_interval": f"{seconds}s",
                "scrape_timeout": f"{min(seconds, 10)}s",
                "authorization": {"credentials": token},
                "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
            }
            for name, seconds in jobs.items()
        ]
    }
