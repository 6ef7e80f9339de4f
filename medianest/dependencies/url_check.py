"""The check of a service by its health_check_url."""

from __future__ import annotations

from medianest.dependencies.probe import HealthProbe
from medianest.dependencies.statuses import Statuses
from medianest.dependencies.url import HealthUrl
from medianest.health import CheckResult, Status

__all__ = ["UrlCheck"]


class UrlCheck:
    """GETs a URL: the service is well while it answers with one of the expected statuses."""

    def __init__(self, probe: HealthProbe, url: HealthUrl, expected: Statuses) -> None:
        self._probe, self._url, self._expected = probe, url, expected

    def __call__(self) -> CheckResult:
        answer = self._probe.ask(self._url)
        detail = {"status_code": answer.status}
        if answer.status in self._expected:
            return CheckResult(detail=detail)
        return CheckResult(Status.UNHEALTHY, answer.message, detail)
