"""Dependencies with health checks in a plain program."""

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from medianest.dependencies import MonitoredService
from medianest.health import Check, CheckResult, DependencyHealth, Status
from medianest.resilience import ConfigurationError, ManualClock, UnknownNameError
from tests.dependencies.conftest import Server
from tests.support.narrowing import not_none


@pytest.fixture
def service(clock: ManualClock) -> MonitoredService:
    return MonitoredService(clock=clock)


def look(service: MonitoredService, name: str = "nas") -> DependencyHealth:
    service.monitor.run(name)
    return service.health(name)


def test_a_check_of_its_own_tells_how_it_is(service: MonitoredService) -> None:
    found = {"status": Status.HEALTHY}
    service.register_dependency(
        "nas", type="internal-service", criticality="critical",
        health_check=lambda: CheckResult(found["status"], "half full"),
    )  # fmt: skip
    assert service.health("nas").status is Status.UNKNOWN
    assert look(service).status is Status.HEALTHY
    found["status"] = Status.UNHEALTHY
    for _ in range(3):
        seen = look(service)
    assert (seen.status, seen.message) == (Status.UNHEALTHY, "half full")
    assert service.status is Status.UNHEALTHY
    assert service.registry.dependency("nas").type == "internal-service"


def test_a_url_is_asked(service: MonitoredService, serving: Callable[..., Server]) -> None:
    server = serving(b"HTTP/1.1 302 Elsewhere\r\nContent-Length: 0\r\n\r\n")
    url = f"http://127.0.0.1:{server.port}/health"
    service.register_dependency("nas", health_check_url=url, expected_status="200-399")
    service.register_dependency("strict", health_check_url=url)
    assert look(service).status is Status.HEALTHY
    seen = look(service, "strict")
    assert (seen.status, seen.message) == (
        Status.UNHEALTHY, "it redirects (302), which is not followed",
    )  # fmt: skip
    assert server.requests[0].startswith(b"GET /health HTTP/1.1\r\n")


def test_a_url_that_never_answers_is_left_at_the_timeout_of_its_check(
    serving: Callable[..., Server],
) -> None:
    service, over = MonitoredService(), threading.Event()
    server = serving(lambda connection: over.wait(10))
    url = f"http://127.0.0.1:{server.port}/"
    service.register_dependency("nas", health_check_url=url, health_check_timeout=0.1)
    seen = look(service)
    over.set()
    assert (seen.status, not_none(not_none(seen.check).latency_seconds) < 5) == (
        Status.UNHEALTHY,
        True,
    )


def test_no_program_leads_a_check_to_cloud_metadata(service: MonitoredService) -> None:
    service.register_dependency("nas", health_check_url="http://169.254.169.254/latest/")
    assert "a cloud metadata address" in not_none(look(service).message)


def test_calls_are_protected_as_ever(service: MonitoredService) -> None:
    service.register_dependency("nas", health_check=lambda: True, timeout=5)
    assert service.execute("nas", lambda: "files") == "files"
    assert not_none(service.health("nas").breaker).totals.successes == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"health_check": bool, "health_check_url": "http://nas/"}, "not both"),
        ({"health_check_url": "nas"}, "health_check_url: the URL must begin with http"),
        ({"health_check_url": 5}, "health_check_url: must be a text, not 5"),
        ({"health_check_url": "http://nas/", "expected_status": "ok"}, "expected_status: must be"),
        ({"expected_status": 401}, "goes with a health_check_url only"),
        ({"health_check_interval": 5}, "go with health_check or health_check_url"),
        ({"health_check": bool, "health_check_timeout": 0}, "timeout must be"),
        ({"health_check": 5}, "run must be a function"),
        ({"type": "toaster"}, "must be one of database, cache"),
        ({"health_check": lambda nas: True}, r"is called with nothing, and .* takes \(nas\)"),
        ({"health_chek": bool}, "unknown option health_chek; .* type, .*health_check, "),
        ({"kind": "cache"}, "unknown option kind; .* type, "),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(
    service: MonitoredService, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        service.register_dependency("nas", **options)
    assert service.all_health() == service.monitor.checks() == []


def test_a_check_of_that_name_was_there_before(service: MonitoredService) -> None:
    service.monitor.add(Check("nas", bool))
    with pytest.raises(ConfigurationError, match="registered already"):
        service.register_dependency("nas", health_check=bool)
    assert service.all_health() == []


def test_what_is_removed_is_looked_at_no_more(service: MonitoredService) -> None:
    service.register_dependency("nas", health_check=bool)
    service.remove_dependency("nas")
    assert service.monitor.checks() == []
    with pytest.raises(UnknownNameError):
        service.health("nas")


PROGRAM = """
import sys, threading
from medianest.dependencies import MonitoredService

looked = threading.Event()
service = MonitoredService()
service.register_dependency("nas", health_check=looked.set)
with service.monitor:
    assert looked.wait(10)
print(service.health("nas").status.value, *sorted({"flask", "requests"} & sys.modules.keys()))
"""


def test_it_needs_neither_flask_nor_an_http_client() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("healthy\n", "")
