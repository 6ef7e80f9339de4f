"""Logging in and out, and who may look and act."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from medianest.page.session import login_link
from medianest.resilience import ManualClock
from tests.page.conftest import SAME_ORIGIN, Browser

BREAKER = "/breakers/plex-media-server"


@pytest.fixture
def production(make_app: Callable[..., Flask], tables: None) -> Flask:
    return make_app("production", plex={"url": "http://127.0.0.1:1"}, operator_token="x" * 20)


def test_in_development_anybody_may_look(browser: Browser) -> None:
    answer = browser.get("/")
    assert answer.status_code == 200
    assert "Sign in" in answer.text


@pytest.mark.parametrize("path", ["/", "/queue", BREAKER, "/dependencies/database", "/audit"])
def test_in_production_a_login_comes_first(production: Flask, path: str) -> None:
    answer = production.test_client().get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.location == f"/login?next={path}"


def test_the_script_of_a_session_that_is_over_is_told(production: Flask) -> None:
    assert production.test_client().get("/?fragment").status_code == 401


def test_each_role_sees_what_it_may_do(production: Flask) -> None:
    viewer, operator = Browser(production.test_client()), Browser(production.test_client())
    viewer.log_in("the-viewer-token")
    operator.log_in("x" * 20)
    assert "Hold it open" not in viewer.get(BREAKER).text
    assert "Hold it open" in operator.get(BREAKER).text


@pytest.mark.parametrize("path", ["/docs", "/docs/openapi.json", "/metrics"])
def test_who_has_signed_in_reads_what_the_page_links_to(production: Flask, path: str) -> None:
    """Keeps out: a link in the page's own footer that answers 401."""
    browser = Browser(production.test_client())
    assert browser.get(path).status_code == 401
    browser.log_in("the-viewer-token")
    assert browser.get(path).status_code == 200
    assert browser.get("/api/v1/resilience/status").status_code == 401  # which takes tokens alone


def test_the_token_of_the_media_api_logs_nobody_in(browser: Browser) -> None:
    answer = browser.log_in("the-client-token")
    assert answer.status_code == 403
    assert "this token is for the media API alone" in answer.text


def test_a_wrong_token_is_told(browser: Browser) -> None:
    answer = browser.log_in("a-wrong-token")
    assert answer.status_code == 403
    assert "the token is not known" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_link_that_comes_too_late_says_how_to_get_another(browser: Browser) -> None:
    """Keeps out: a newcomer clicks the link after two minutes, and no token is known."""
    code = login_link("the-operator-token", "", ManualClock()).partition("#")[2]
    assert browser.log_in(code).status_code == 200
    answer = browser.log_in(code)
    assert answer.status_code == 403
    assert "too old: medianest token link prints another" in answer.text


def test_guessing_is_slowed(browser: Browser) -> None:
    statuses = [browser.log_in(f"guess-{number}").status_code for number in range(22)]
    assert statuses[:20] == [403] * 20
    assert statuses[-1] == 429
    assert browser.log_in().status_code == 429  # the right one is not looked at either


def test_a_link_lets_in_whoever_shares_an_address_with_a_guesser(browser: Browser) -> None:
    for number in range(22):
        browser.log_in(f"guess-{number}")
    here = browser.client.application.extensions["medianest"]
    code = login_link("the-operator-token", "", here.registry.clock).partition("#")[2]
    assert browser.log_in(code).status_code == 200
    assert browser.log_in("the-operator-token").status_code == 200


def test_the_cookie_says_nothing_of_the_token(browser: Browser) -> None:
    answer = browser.log_in()
    cookie = answer.headers["Set-Cookie"]
    assert "the-operator-token" not in cookie
    for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"):
        assert part in cookie
    assert "Secure" not in cookie  # it is not https


def test_the_cookie_is_no_token_of_the_api(browser: Browser) -> None:
    value = re.split("[=;]", browser.log_in().headers["Set-Cookie"])[1]
    path = "/api/v1/resilience/circuit-breakers/plex/action"
    for headers in ({}, {"Authorization": f"Bearer {value}"}):
        answer = browser.client.post(path, json={"action": "open"}, headers=headers)
        assert answer.status_code == 401


def test_each_port_has_a_cookie_of_its_own(browser: Browser) -> None:
    names = set()
    for host in ("127.0.0.1:8000", "127.0.0.1:8001", "127.0.0.1"):
        data = {"token": "the-operator-token"}
        answer = browser.client.post("/login", data=data, headers={**SAME_ORIGIN, "Host": host})
        names.add(answer.headers["Set-Cookie"].partition("=")[0])
    assert names == {"medianest-8000", "medianest-8001", "medianest-80"}


def test_a_cookie_of_another_port_does_not_hide_the_session(make_app: Callable[..., Flask]) -> None:
    """A neighbour on the same host can set one of the same name for a longer path, which browsers
    send first."""
    browser = Browser(make_app("development").test_client(use_cookies=False))
    cookie = browser.log_in().headers["Set-Cookie"].partition(";")[0]
    name = cookie.partition("=")[0]
    for sent in (f"{name}=x; {cookie}", f"{cookie}; {name}=x", f"{name}=; {name}=x; {cookie}"):
        assert "Sign out" in browser.get("/", Accept="text/html", Cookie=sent).text


def test_without_a_script_one_is_led_on_at_once(make_app: Callable[..., Flask]) -> None:
    browser = Browser(make_app("development").test_client(), script=False)
    answer = browser.log_in(next="/queue")
    assert answer.status_code == 303
    assert answer.location == "/queue"
    assert "Max-Age=3600" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "/\t\\evil.example",
        "/ /evil.example",
        "javascript:alert(1)",
        "queue",
    ],
)
def test_it_leads_to_no_other_site(make_app: Callable[..., Flask], wanted: str) -> None:
    browser = Browser(make_app("development").test_client(), script=False)
    assert browser.log_in(next=wanted).location == "/"


def test_after_logging_out_one_may_not_act(browser: Browser) -> None:
    browser.log_in()
    assert browser.send("/logout").status_code == 303
    answer = browser.send(BREAKER, action="open", reason="x")
    assert answer.location.startswith("/login")


def test_a_session_ends_in_time(browser: Browser, clock: ManualClock) -> None:
    browser.log_in()
    clock.advance(7 * 86_400)
    assert browser.send(BREAKER, action="open", reason="x").location.startswith("/login")


def test_without_any_token_it_says_which_to_set(make_app: Callable[..., Flask]) -> None:
    app = make_app("production", operator_token=None, viewer_token=None, client_token=None)
    answer = Browser(app.test_client()).log_in("anything")
    assert answer.status_code == 403
    assert "set MEDIANEST_OPERATOR_TOKEN" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:8001"},
        {"Origin": "null"},
        {},
    ],
)
def test_what_comes_from_elsewhere_is_refused(browser: Browser, headers: dict[str, str]) -> None:
    browser.log_in()
    answer = browser.send(BREAKER, headers, action="open", reason="x")
    assert answer.status_code == 403
    assert "another site" in answer.text
    assert "held open" not in browser.get(BREAKER).text


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}]
)
def test_what_comes_from_here_is_done(browser: Browser, headers: dict[str, str]) -> None:
    browser.log_in()
    assert browser.send(BREAKER, headers, action="open", reason="x").status_code == 303
    assert "held open" in browser.get(BREAKER).text


def test_a_stolen_cookie_does_nothing(browser: Browser) -> None:
    """Another service of this host has the cookie, and can send what headers it likes."""
    browser.log_in()
    for proof in ("", "0" * 64):
        browser.proof = proof
        answer = browser.send(BREAKER, action="open", reason="x")
        assert answer.status_code == 403
        assert "sign in again" in answer.text


def test_a_viewer_signs_out(browser: Browser) -> None:
    """Keeps out: the session of a viewer that nobody can end."""
    assert "Sign out" not in browser.get("/").text
    browser.log_in("the-viewer-token")
    assert "Sign out" in browser.get("/").text
    browser.send("/logout")
    assert "Sign out" not in browser.get("/").text


def test_a_viewer_cannot_act(browser: Browser) -> None:
    browser.log_in("the-viewer-token")
    answer = browser.send(BREAKER, action="open", reason="x")
    assert answer.status_code == 403
    assert "this needs the operator token" in answer.text
