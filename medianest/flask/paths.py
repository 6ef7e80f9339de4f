"""Where an app has the endpoints, the page and the metrics of its resilience."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from medianest.resilience import ConfigurationError

__all__ = ["Paths"]

_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")


@dataclass(frozen=True, slots=True)
class Paths:
    """Each is None where it is not wanted."""

    endpoints: str | None
    page: str | None
    metrics: str | None

    @classmethod
    def of(
        cls, endpoints: str | None, page: str | bool | None, metrics: str | None
    ) -> Paths | None:
        """As they were given; None where nothing is wanted. Raises ConfigurationError."""
        if page is True:
            if endpoints is None:
                raise ConfigurationError("page=True goes with endpoints: give the path of the page")
            page = f"{endpoints}/page"
        found = cls(endpoints, page or None, metrics)
        wanted = {name: path for name, path in found.named() if path is not None}
        for name, path in wanted.items():
            if not isinstance(path, str) or not _PATH.fullmatch(path):
                example = _EXAMPLES[name]
                raise ConfigurationError(f"{name} must be a path such as {example}, not {path!r}")
        if endpoints is not None and endpoints == found.page:
            raise ConfigurationError(f"page: {endpoints} is where the endpoints are: give another")
        if endpoints is not None and metrics == f"{endpoints}/metrics":
            raise ConfigurationError(f"metrics: an endpoint is at {metrics}: give it another path")
        return found if wanted else None

    def named(self) -> tuple[tuple[str, str | None], ...]:
        """Each by what it is called."""
        return ("endpoints", self.endpoints), ("page", self.page), ("metrics", self.metrics)

    def looks(self) -> tuple[str, ...]:
        """What routes begin with that say nothing of how people are served."""
        rooms = (self.endpoints, self.page)
        below = tuple(f"{path}/" for path in rooms if path is not None)
        return below if self.metrics is None else (*below, self.metrics)

    def all(self) -> tuple[str, ...]:
        """Those that are wanted."""
        return tuple(path for _, path in self.named() if path is not None)


_EXAMPLES: Final = {
    "endpoints": "/resilience",
    "page": "/resilience/page",
    "metrics": "/metrics",
}
