"""What a hostile neighbour in the house gets: nothing that it could act with."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from medianest.page.session import login_link
from medianest.resilience.clock import SystemClock
from tests.integration.page.conftest import log_in
from tests.integration.page.neighbour import Neighbour, neighbour
from tests.support.browser import watched
from tests.support.server import OPERATOR, Answer, Server
from tests.support.waiting import wait_until

BREAKER = "/breakers/overseerr"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}

ATTACK = """<!doctype html>
<meta name="referrer" content="{referrer}">
<form method="post" action="{target}">
<input name="action" value="open"><input name="reason" value="an attack"></form>
<script>document.forms[0].submit()</script>"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """In production, with its token in a file, and behind whatever proxy is on this machine."""
    folder: Path = tmp_path_factory.mktemp("doors")
    keep_token(folder, OPERATOR)
    running = Server(
        folder,
        MEDIANEST_ENV="production",
        MEDIANEST_OPERATOR_TOKEN="",
        MEDIANEST_OPERATOR_TOKEN_FILE=folder / "token",
        MEDIANEST_TRUSTED_PROXIES="127.0.0.1/32",
        MEDIANEST_OVERSEERR_URL="http://127.0.0.1:1",
        MEDIANEST_OVERSEERR_API_KEY="the-overseerr-key",
    ).wait_until("live")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def other(server: Server) -> Iterator[Neighbour]:
    with neighbour(server.port) as found:
        yield found


def keep_token(folder: Path, token: str) -> None:
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text(token)


def state(server: Server) -> str:
    path = "/api/v1/resilience/circuit-breakers/overseerr"
    return str(server.get(path, headers={"Authorization": f"Bearer {OPERATOR}"}).json["state"])


def hold_open(page: Page, url: str) -> None:
    """As the operator does, and lets go again."""
    page.goto(url + BREAKER)
    page.locator("summary", has_text="Hold it open").click()
    page.locator("#hold input[name=reason]").fill("moving")
    page.get_by_role("button", name="Hold it open").click()
    expect(page.get_by_role("status").first).to_contain_text("overseerr is held open.")
    page.get_by_role("button", name="Let it work by itself again").click()
    expect(page.get_by_role("status").first).to_contain_text("works by itself again")


def posted(server: Server, path: str, headers: dict[str, str], **values: str) -> Answer:
    return server.get(path, data=urlencode(values).encode(), headers=headers)


@pytest.mark.parametrize("host", ["127.0.0.1", "nas.lan"])
def test_the_form_of_another_site_does_nothing(
    browser: Browser, server: Server, other: Neighbour, host: str
) -> None:
    """Also where browsers do not say from which site a form comes; the page's own forms work. To
    another port of the host the cookie goes along."""
    url = f"http://{host}:{server.port}"
    with watched(browser) as seen:
        page = seen.page
        log_in(page, url)
        hold_open(page, url)
        for attacker in (host, "evil.lan"):
            for referrer in ("same-origin", "no-referrer"):  # Origin: the attacker's, and null
                other.page = ATTACK.format(target=url + BREAKER, referrer=referrer)
                with page.expect_response(url + BREAKER) as refused:
                    page.goto(other.url(attacker))
                expect(page.get_by_role("alert")).to_contain_text("comes from another site")
                assert refused.value.status == 403
                sent = refused.value.request.all_headers()
                assert ("cookie" in sent) is (attacker == host)
                assert ("sec-fetch-site" in sent) is (host == "127.0.0.1")
        assert state(server) == "closed"
        seen.complaints.clear()  # Chromium tells of the 403 itself


def test_a_stolen_cookie_may_look_and_not_act(
    browser: Browser, server: Server, other: Neighbour
) -> None:
    """Browsers send it to every port of the host. Who has it can send what else it likes."""
    with watched(browser) as seen:
        log_in(seen.page, server.url)
        proof = seen.page.evaluate("localStorage.getItem('medianest-proof')")
        other.page = "<!doctype html><title>Photos</title>"
        seen.page.goto(other.url("127.0.0.1"))
        seen.complaints.clear()  # it has no icon
    stolen = other.cookies[-1]
    assert stolen.startswith(f"medianest-{server.port}=")
    headers = {"Cookie": stolen, "Origin": server.url, **SAME_ORIGIN}
    shown = server.get(BREAKER, headers=headers).body
    assert b"Hold it open" in shown
    assert proof.encode() not in shown
    wanted = {"action": "open", "reason": "an attack"}
    answer = posted(server, BREAKER, headers, **wanted)
    assert answer.status == 403
    assert b"sign in again" in answer.body
    api = "/api/v1/resilience/circuit-breakers/overseerr/action"
    token = stolen.partition("=")[2]
    for each in ({}, {"Authorization": f"Bearer {token}"}):
        assert posted(server, api, {**headers, **each}, **wanted).status == 401
    assert posted(server, "/login", headers, token=token).status == 403
    assert state(server) == "closed"


def test_no_other_page_has_it_in_a_frame(
    browser: Browser, server: Server, other: Neighbour
) -> None:
    with watched(browser) as seen:
        log_in(seen.page, server.url)
        other.page = f'<!doctype html><iframe src="{server.url}{BREAKER}"></iframe>'
        with seen.page.expect_response(re.compile(BREAKER)):
            seen.page.goto(other.url("127.0.0.1"))
        seen.page.wait_for_load_state()
        assert "Hold it open" not in seen.page.frames[1].content()
        assert any("frame-ancestors" in complaint for complaint in seen.complaints)
        seen.complaints.clear()


@pytest.mark.parametrize("fragment", ["main", "%", OPERATOR])
def test_what_is_no_code_is_not_sent(browser: Browser, server: Server, fragment: str) -> None:
    """Keeps out: a link to the content counts as a wrong token, and a stranger's link has the
    browser of an operator send as many of them as it likes."""
    with watched(browser) as seen:
        seen.page.goto(f"{server.url}/login#{fragment}")
        assert seen.page.evaluate("typeof logIn") == "function"  # the script has run
        expect(seen.page.get_by_label("Token")).to_have_value("")
        assert [each.method for each in seen.asked].count("POST") == 0


def test_servers_below_paths_of_one_name_keep_their_proofs_apart(
    browser: Browser, server: Server, other: Neighbour
) -> None:
    """Keeps out: who signs in to the one can no longer act on the other."""
    with watched(browser) as seen:
        for url, path in ((server.url, ""), (f"{other.url('127.0.0.1')}/nest", "/nest")):
            log_in(seen.page, url)
            kept = seen.page.evaluate("Object.keys(localStorage)")
            assert kept == [f"medianest-proof{path}"]


def test_a_link_signs_in_once(browser: Browser, server: Server) -> None:
    assert "/login#" not in server.log  # others read a log of production
    link = login_link(OPERATOR, server.url, SystemClock())
    with watched(browser) as seen:
        seen.page.goto(link)
        expect(seen.page.get_by_role("button", name="Sign out")).to_be_visible()
        code = link.partition("#")[2]
        assert not any(code in request.url.partition("#")[0] for request in seen.asked)
    with watched(browser) as seen:
        seen.page.goto(link)
        expect(seen.page.get_by_role("alert")).to_contain_text("this link was used before")
        seen.complaints.clear()  # Chromium tells of the 403 itself


def test_guessing_is_slowed(browser: Browser, server: Server) -> None:
    guesser = {"X-Forwarded-For": "192.0.2.66"}
    for _ in range(21):
        headers = {**guesser, **SAME_ORIGIN}
        posted(server, "/login", headers, token="a-guess")
    with watched(browser, extra_http_headers=guesser) as seen:
        seen.page.goto(f"{server.url}/login")
        seen.page.get_by_label("Token").fill(OPERATOR)
        seen.page.get_by_role("button", name="Sign in").click()
        expect(seen.page.get_by_role("alert")).to_contain_text("too many attempts")
        seen.complaints.clear()  # Chromium tells of the 429 itself


def test_logging_out_ends_the_session(browser: Browser, server: Server) -> None:
    with watched(browser) as seen:
        page = seen.page
        log_in(page, server.url)
        copied = "; ".join(f"{each['name']}={each['value']}" for each in page.context.cookies())
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.go_back()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert b"Sign out" not in server.get(BREAKER, headers={"Cookie": copied}).body


@pytest.mark.parametrize("host", ["127.0.0.1", "nas.lan"])
def test_below_a_path_one_looks_and_acts(browser: Browser, other: Neighbour, host: str) -> None:
    url = f"{other.url(host)}/nest"
    with watched(browser) as seen:
        page = seen.page
        page.clock.install()
        log_in(page, url)
        page.goto(f"{url}/")
        with page.expect_response(re.compile("fragment")) as polled:
            page.clock.run_for(2_000)
        assert polled.value.status in (200, 304)
        hold_open(page, url)
        assert [each["path"] for each in page.context.cookies()] == ["/nest"]
        paths = {request.url.removeprefix(other.url(host)) for request in seen.asked}
        assert {path for path in paths if not path.startswith("/nest/")} == set()


def test_another_token_ends_all_sessions(browser: Browser, server: Server) -> None:
    with watched(browser) as seen:
        page = seen.page
        log_in(page, server.url)
        cookie = page.context.cookies()[0]
        headers = {"Cookie": f"{cookie['name']}={cookie['value']}"}
        assert b"Sign out" in server.get(BREAKER, headers=headers).body
        page.goto("about:blank")
        keep_token(server.directory, "quite-another-token")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: b"Sign out" not in server.get(BREAKER, headers=headers).body, 30)
        page.goto(server.url + BREAKER)
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        seen.complaints.clear()  # an old worker may show it once more; then a poll is 401
