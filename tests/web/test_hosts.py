"""By which names the server may be called; outside of production a strange one gets nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import run_wsgi_app

from medianest.web.hosts import host_of

LIVE = "/api/v1/health/live"


OURS = [
    *("localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1:8000", "10.42.0.17:8000"),
    *("[::1]:8000", "[fd00::7]", "House.example:8000", "house.example."),
]
STRANGE = [
    *("rebound.example", "rebound.example:8000", "localhost.evil.example", "127.0.0.1.nip.io"),
    *("127.1", "2130706433", "0x7f000001", "::1", "[::1", "[evil]", "localhost,evil", ""),
    *("localhost:80:80", "user@localhost", "localhost/x", "127.0.0.1%25lo", "[fe80::1%25lo]"),
]


@pytest.fixture
def ask(make_app: Callable[..., Flask]) -> Callable[..., Callable[..., Any]]:
    """`ask(env, *names)` is how an app with these names answers to a host."""

    def asking(env: str, *names: str) -> Callable[..., Any]:
        client = make_app(env=env, allowed_hosts=names, sandbox=False).test_client()
        return lambda host, path=LIVE: client.get(path, headers={"Host": host})

    return asking


@pytest.mark.parametrize("env", ["development", "testing", "production"])
def test_localhost_addresses_and_configured_names_are_served_everywhere(
    ask: Callable[..., Callable[..., Any]], env: str
) -> None:
    answer = ask(env, "house.example")
    assert {host: answer(host).status_code for host in OURS} == dict.fromkeys(OURS, 200)


def test_no_page_of_a_stranger_reads_the_house(ask: Callable[..., Callable[..., Any]]) -> None:
    answer = ask("development", "house.example")
    for host in STRANGE:
        refused = answer(host, "/api/v1/resilience/status")
        assert (refused.status_code, refused.json["type"]) == (421, "/problems/misdirected"), host
        assert "components" not in refused.json


def test_the_refusal_names_the_setting(ask: Callable[..., Callable[..., Any]]) -> None:
    assert "MEDIANEST_ALLOWED_HOSTS" in ask("development")("house.example").json["detail"]


def test_production_takes_any_name_unless_some_are_configured(
    ask: Callable[..., Callable[..., Any]],
) -> None:
    assert ask("production")("medianest.svc:8000").status_code == 200
    assert ask("production", "house.example")("medianest.svc:8000").status_code == 421


def test_who_sends_no_host_is_no_browser(make_app: Callable[..., Flask]) -> None:
    app = make_app(env="development")
    with app.test_request_context(LIVE) as context:
        environ = dict(context.request.environ)
    del environ["HTTP_HOST"]
    body, status, _ = run_wsgi_app(app, environ)
    assert b"".join(body)
    assert status == "200 OK"


def test_a_host_is_read_in_one_way() -> None:
    assert host_of("House.Example.:80") == "house.example"
    assert host_of("[FD00:0::7]:80") == "fd00::7"
    assert host_of("a..b") is None
    assert host_of("x" * 300) is None
