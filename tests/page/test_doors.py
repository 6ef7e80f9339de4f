"""What every page tells browsers, and where the pages are behind a proxy."""

import re
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask

from tests.page.conftest import SAME_ORIGIN, Browser

PROXIED = {
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "house.example",
    "X-Forwarded-Prefix": "/nest",
}
OVER_HTTPS = {**PROXIED, "Origin": "https://house.example"}


@pytest.fixture
def proxied(make_app: Callable[..., Flask], tables: None) -> Browser:
    """Behind a proxy that it trusts, in a house where one has to log in."""
    tokens = {"operator_token": "x" * 20, "viewer_token": "y" * 20, "client_token": None}
    app = make_app(
        "production", trusted_proxies="127.0.0.1/32", plex={"url": "http://127.0.0.1:1"}, **tokens
    )
    return Browser(app.test_client(use_cookies=False))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/?fragment", 200),
        ("GET", "/login", 200),
        ("GET", "/breakers/nobody", 404),
        ("GET", "/queue?limit=none", 422),
        ("POST", "/login", 403),
        ("POST", "/logout", 403),
        ("POST", "/queue/retry", 403),
        ("GET", "/docs", 200),
        ("GET", "/assets/nothing.css", 404),
    ],
)
def test_no_page_runs_or_loads_what_is_not_ours_or_stands_in_a_frame(
    browser: Browser, method: str, path: str, status: int
) -> None:
    answer = browser.client.open(path, method=method, headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.mimetype == "text/html":
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer")


def test_nothing_keeps_a_page_of_somebody_else(browser: Browser) -> None:
    for path in ("/", "/login", "/breakers/nobody"):
        headers = browser.get(path, Accept="text/html").headers
        assert headers["Cache-Control"] == "no-store"
        assert "Cookie" in headers["Vary"]


def test_behind_https_no_cookie_goes_without_it(proxied: Browser) -> None:
    data = {"token": "x" * 20, "script": "1"}
    answer = proxied.client.post("/login", data=data, headers=OVER_HTTPS)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("medianest-443=")
    assert "; Secure" in cookie
    assert "Path=/nest;" in cookie


def test_below_a_path_everything_is_below_it(proxied: Browser) -> None:
    """Keeps out: who logs in below a path is led out of it."""
    first = proxied.get("/queue?state=dead", **PROXIED)
    assert first.location == "/nest/login?next=/nest/queue?state%3Ddead"
    form = proxied.get(first.location.removeprefix("/nest"), **PROXIED)
    assert 'name="next" value="/nest/queue?state=dead"' in form.text
    assert 'href="/nest/login?next=/nest/queue?state%3Ddead"' in form.text
    data = {"token": "x" * 20, "next": "/nest/queue?state=dead"}
    begun = proxied.client.post("/login", data=data, headers=OVER_HTTPS)
    assert begun.location == "/nest/queue?state=dead"
    session = {"Cookie": begun.headers["Set-Cookie"].partition(";")[0]}
    for path in ("/", "/breakers/plex-media-server", "/dependencies", "/events"):
        shown = proxied.get(path, **PROXIED, **session).text
        assert "Sign out" in shown
        leads = re.findall(r' (?:href|src|action)="([^"#]+)"', shown)
        assert {lead for lead in leads if not lead.startswith("/nest/")} == set(), path
    done = proxied.client.post(
        "/breakers/plex", data={"action": "close"}, headers={**OVER_HTTPS, **session}
    )
    assert done.location.startswith("/nest/breakers/plex-media-server?notice=")
    out = proxied.client.post("/logout", headers={**OVER_HTTPS, **session})
    assert out.location == "/nest/"
    assert "Path=/nest" in out.headers["Set-Cookie"]


@pytest.mark.parametrize("origin", ["http://[bad", "://", "nas.lan", "http://localhost/"])
def test_an_odd_origin_is_refused(browser: Browser, origin: str) -> None:
    """Keeps out: 500 for an Origin that is no address."""
    assert browser.client.post("/login", headers={"Origin": origin}).status_code == 403


def test_a_name_with_an_underscore_is_a_name(make_app: Callable[..., Flask], tables: None) -> None:
    """Browsers say no more than Origin to it; Flask takes it for no host at all."""
    app = make_app("development", allowed_hosts="my_nas")
    browser = Browser(app.test_client(use_cookies=False))
    data = {"token": "the-operator-token"}
    for origin, status in {
        "http://my_nas:8000": 303, "http://MY_NAS:8000": 403, "http://my_nas": 403,
        "http://other:8000": 403, "null": 403, "": 403,
    }.items():  # fmt: skip
        headers = {"Host": "my_nas:8000", "Origin": origin}
        answer = browser.client.post("/login", data=data, headers=headers)
        assert answer.status_code == status, origin
        if status == 303:
            assert answer.headers["Set-Cookie"].startswith("medianest-8000=")
    assert "http://my_nas:8000/api/" in browser.get("/docs", Host="my_nas:8000").text


@pytest.mark.parametrize("origin", ["null", "http://", ""])
@pytest.mark.parametrize("host", ["127.0.0.1:99999", "127.0.0.1:80080"])
def test_who_comes_from_nowhere_does_not_come_from_a_host_that_is_none(
    browser: Browser, host: str, origin: str
) -> None:
    answer = browser.client.post("/login", headers={"Host": host, "Origin": origin})
    assert "comes from another site" in answer.text
    assert answer.status_code == 403


def test_a_proxy_may_add_the_usual_port(browser: Browser) -> None:
    headers = {"Host": "localhost:80", "Origin": "http://localhost"}
    data = {"token": "the-operator-token"}
    assert browser.client.post("/login", data=data, headers=headers).status_code == 303


def test_who_is_refused_wrongly_sees_what_the_proxy_says(browser: Browser) -> None:
    browser.log_in()
    answer = browser.send("/breakers/plex", {"Origin": "https://nas.example"}, action="open")
    assert "from https://nas.example, and this is localhost" in answer.text


def test_who_logs_out_ends_every_copy_of_the_session(
    make_app: Callable[..., Flask], tables: None
) -> None:
    """Keeps out: a cookie that somebody copied goes on for a week after its owner has left."""
    app, worker = make_app("development"), make_app("development")
    browser = Browser(app.test_client())
    begun = browser.log_in()
    of = partial(Flask.test_client, use_cookies=False)
    copied = {"Cookie": begun.headers["Set-Cookie"].partition(";")[0]}
    of(app).post("/logout", headers={**copied, **SAME_ORIGIN})  # a copy alone ends nothing
    for each in (app, worker):
        assert "Sign out" in of(each).get("/breakers", headers=copied).text
    browser.send("/logout")
    for each in (app, worker):
        assert "Sign in" in of(each).get("/breakers", headers=copied).text
        proof, headers = {"proof": browser.proof}, {**copied, **SAME_ORIGIN}
        answer = of(each).post("/breakers/plex", data=proof, headers=headers)
        assert answer.location.startswith("/login")
