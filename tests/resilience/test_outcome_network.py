"""Tokens against the errors that requests and urllib3 really raise."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import urllib3

from medianest.resilience import Outcome
from medianest.resilience.outcome import Classifier, is_timeout


@pytest.fixture
def refused_url() -> str:
    """A port of this host on which nobody listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}/"


@pytest.fixture
def hanging_url() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def error_of_requests(url: str, **options: Any) -> Exception:
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.RequestException) as caught:
            session.get(url, timeout=0.1, **options)
    return caught.value


def error_of_urllib3(url: str) -> Exception:
    with urllib3.PoolManager(retries=False, timeout=0.1) as pool:
        with pytest.raises(urllib3.exceptions.HTTPError) as caught:
            pool.request("GET", url)
        return caught.value


ERRORS_OF = pytest.mark.parametrize("error_of", [error_of_requests, error_of_urllib3])


def matching(error: Exception) -> set[str]:
    tokens = ("timeout", "ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "5xx", "404")
    return {token for token in tokens if Classifier(token)(error) is Outcome.FAILURE}


@ERRORS_OF
def test_a_refused_connection_is_econnrefused_and_nothing_else(
    error_of: Callable[..., Exception], refused_url: str
) -> None:
    assert matching(error_of(refused_url)) == {"ECONNREFUSED"}


@ERRORS_OF
def test_a_server_that_hangs_is_a_timeout_and_nothing_else(
    error_of: Callable[..., Exception], hanging_url: str
) -> None:
    assert matching(error_of(hanging_url)) == {"timeout"}


@ERRORS_OF
def test_a_name_that_does_not_resolve_is_enotfound_and_nothing_else(
    error_of: Callable[..., Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert matching(error_of("http://plex.invalid/")) == {"ENOTFOUND"}


@pytest.mark.parametrize(("status", "token"), [(503, "5xx"), (404, "404")])
def test_the_status_of_an_answer_is_matched(status: int, token: str) -> None:
    answer = requests.Response()
    answer.status_code = status
    with pytest.raises(requests.HTTPError) as caught:
        answer.raise_for_status()
    assert matching(caught.value) == {token}


def test_a_refused_connection_retried_by_urllib3_itself_is_still_found(refused_url: str) -> None:
    with urllib3.PoolManager(retries=urllib3.Retry(1, backoff_factor=0)) as pool:
        with pytest.raises(urllib3.exceptions.MaxRetryError) as caught:
            pool.request("GET", refused_url, timeout=0.1)
        assert matching(caught.value) == {"ECONNREFUSED"}


def test_a_program_that_ran_for_too_long_is_a_timeout() -> None:
    assert is_timeout(subprocess.TimeoutExpired("cmd", 1))


def test_the_errors_of_a_group_are_among_its_causes() -> None:
    group = ExceptionGroup("several", [ValueError(), ConnectionRefusedError(111, "refused")])
    assert Classifier("ECONNREFUSED")(group) is Outcome.FAILURE
