"""What operators do on the pages."""

import html
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from medianest.media.errors import UnavailableError
from medianest.peers.membership import Membership
from medianest.resilience import ManualClock
from tests.page.conftest import Browser

BREAKER = "/breakers/plex-media-server"
NEWS = 'class="notice" role="status"'


@pytest.fixture
def operator(browser: Browser) -> Browser:
    browser.log_in()
    return browser


def fail() -> None:
    raise UnavailableError("plex", "plex is away", 503)


def after(browser: Browser, answer: Any) -> str:
    """The text of the page that a form leads to."""
    assert answer.status_code == 303, answer.text
    assert parse_qs(urlsplit(answer.location).query)["notice"]
    return html.unescape(browser.get(answer.location).text)


@pytest.mark.parametrize(
    ("action", "state", "notice"),
    [
        ("open", "held open", "plex-media-server is held open."),
        ("disable", "switched off", "plex-media-server is switched off: every call is made."),
        ("close", "closed", "plex-media-server is closed."),
        ("reset", "closed", "plex-media-server is closed, and its figures begin anew."),
    ],
)
def test_a_breaker_obeys(operator: Browser, action: str, state: str, notice: str) -> None:
    answer = operator.send(BREAKER, action=action, reason="moving the server", lasts="600")
    shown = after(operator, answer)
    assert notice in shown
    assert f'class="state">{state}' in shown


def test_a_link_that_is_kept_tells_no_news_of_yesterday(
    operator: Browser, clock: ManualClock
) -> None:
    answer = operator.send(BREAKER, action="close", reason="it works")
    assert NEWS in operator.get(answer.location).text
    clock.advance(3600)
    assert NEWS not in operator.get(answer.location).text


def test_what_is_held_says_by_whom_why_and_until_when(operator: Browser) -> None:
    answer = operator.send(BREAKER, action="open", reason="a <b>move</b>", lasts="600")
    shown = after(operator, answer)
    assert "a <b>move</b> <small>by operator" in shown  # it was escaped before
    assert "a &lt;b&gt;move" in operator.get(BREAKER).text
    assert "Until <time" in shown


def test_what_operators_did_is_told_in_words(operator: Browser) -> None:
    operator.send(BREAKER, action="open", reason="a move", lasts="600")
    shown = operator.get("/events?type=operator").text
    assert "held open by operator: a move" in shown
    assert "circuit-breaker.open" not in shown


def test_it_works_by_itself_again(operator: Browser) -> None:
    operator.send(BREAKER, action="open", reason="x", lasts="")
    shown = after(operator, operator.send(BREAKER, action="enable", reason=""))
    assert "plex-media-server works by itself again." in shown


def test_why_it_opened_is_told_once(app: Flask) -> None:
    """Keeps out: "5 failures in a row" twice, one line below the other."""
    breaker = app.extensions["medianest"].registry.breaker("plex-media-server.libraries")
    for _ in range(5):
        with pytest.raises(UnavailableError):
            breaker.call(fail)
    shown = Browser(app.test_client()).get(f"/breakers/{breaker.name}").text
    assert shown.count(str(breaker.snapshot().reason)) == 1


def test_a_short_name_leads_to_the_breaker(operator: Browser) -> None:
    answer = operator.send("/breakers/plex", action="close")
    assert urlsplit(answer.location).path == BREAKER


@pytest.mark.parametrize(
    ("path", "values", "status", "said"),
    [
        (BREAKER, {"action": "explode"}, 422, "action: "),
        (BREAKER, {"action": "open", "reason": "x" * 501}, 422, "Why: "),
        (BREAKER, {"action": "open", "reason": " "}, 422, "Why: must say why, in 1 to 500"),
        (
            BREAKER,
            {"action": "open", "lasts": "long"},
            422,
            "For how long: must be a number of seconds",
        ),
        (
            "/breakers/nobody",
            {"action": "open", "reason": "x"},
            404,
            "there is no circuit breaker 'nobody'",
        ),
        ("/queue/" + "0" * 32 + "/retry", {}, 404, "there is no deferred operation"),
        ("/dependencies", {"name": "a b"}, 422, "Name: "),
        ("/dependencies/database/remove", {}, 409, "database"),
    ],
)
def test_what_cannot_be_done_is_told(
    operator: Browser, path: str, values: dict[str, str], status: int, said: str
) -> None:
    answer = operator.send(path, **values)
    assert answer.status_code == status
    assert said in html.unescape(answer.text)


@pytest.mark.parametrize(
    ("form", "back"),
    [
        (BREAKER, BREAKER),
        ("/alerts/x:y/silence", "/alerts"),
        ("/queue/none/drop", "/queue"),
        ("/dependencies", "/dependencies"),
    ],
)
def test_what_was_not_done_can_be_tried_again(operator: Browser, form: str, back: str) -> None:
    """Keeps out: a refusal that leads to the front page alone."""
    refused = operator.send(form, reason="x" * 501, name="no name", action="open")
    assert refused.status_code in (404, 422)
    assert "This was not done" in refused.text
    assert f'<a href="{back}">Back' in refused.text


def test_what_is_refused_is_shown_with_all_that_was_typed(operator: Browser) -> None:
    """Keeps out: who has made one mistake begins anew."""
    values = {"name": "nas", "type": "cache", "criticality": "critical", "expected_status": "204"}
    refused = operator.send("/dependencies", **values, depends_on="<nobody>")
    assert refused.status_code == 422
    shown = html.unescape(refused.text)
    assert 'name="name" autocomplete="off" value="nas"' in shown
    assert 'value="204"' in shown
    assert "<option selected>cache" in shown
    assert "<option selected>critical" in shown
    assert 'value="&lt;nobody&gt;" aria-invalid="true" aria-describedby="detail" autofocus' in (
        refused.text
    )
    assert "Needs: " in shown


def test_what_was_refused_for_its_reason_lasts_as_chosen(operator: Browser) -> None:
    for lasts in ("28800", ""):
        refused = operator.send(BREAKER, action="open", reason=" ", lasts=lasts).text
        assert f'<option value="{lasts}" selected>' in refused
        assert refused.count(" selected>") == 1
        assert "Hold it open" in refused
        assert "Switch it off" not in refused


def test_the_form_of_another_site_is_not_shown_to_be_sent_again(operator: Browser) -> None:
    """Keeps out: it stands on our own page, filled in by a stranger, before an operator."""
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    refused = operator.send(BREAKER, elsewhere, action="open", reason="an attack", lasts="")
    assert refused.status_code == 403
    assert "an attack" not in refused.text
    assert 'class="act"' not in refused.text


def test_what_people_send_again_while_the_database_is_away(
    make_app: Callable[..., Flask],
) -> None:
    browser = Browser(make_app("development", sandbox=False).test_client())  # it has no tables
    browser.log_in()
    refused = browser.send("/queue/retry", reason="it is well again")
    assert refused.status_code == 503
    assert 'value="it is well again"' in refused.text


def test_a_dependency_is_registered_and_removed(operator: Browser) -> None:
    answer = operator.send(
        "/dependencies", name="nas", type="internal-service", criticality="important",
        health_check_url="", expected_status="", depends_on="database",
    )  # fmt: skip
    assert "nas is watched from now on." in after(operator, answer)
    again = operator.send(
        "/dependencies", name="nas", type="internal-service", criticality="important",
        depends_on="database",
    )  # fmt: skip
    assert "nas is watched already." in after(operator, again)
    assert "nas is watched no longer." in after(operator, operator.send("/dependencies/nas/remove"))


def queued(app: Flask) -> str:
    """The id of an operation that waits."""
    body = {"media_type": "movie", "media_id": 603}
    answer = app.test_client().post("/api/v1/media/requests", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.get_json()["id"])


@pytest.fixture
def app(make_app: Callable[..., Flask], tables: None) -> Flask:
    overseerr = {"url": "http://127.0.0.1:1", "api_key": "the-overseerr-key"}
    return make_app("development", overseerr=overseerr, sandbox=False)


def test_what_waits_is_done_again_or_dropped(app: Flask) -> None:
    browser, waiting = Browser(app.test_client()), queued(app)
    browser.log_in()
    assert "movie:603" in browser.get("/queue").text
    assert "tried again" in after(browser, browser.send(f"/queue/{waiting}/retry", reason="now"))
    shown = after(browser, browser.send(f"/queue/{waiting}/drop", reason="not wanted"))
    assert "It is dropped." in shown
    assert "movie:603" not in shown
    assert re.search("queue.drop</b></td><td>" + waiting, browser.get("/audit").text)


def test_all_dead_letters_are_done_again(app: Flask) -> None:
    browser = Browser(app.test_client())
    browser.log_in()
    assert "Dead letters that are tried again: 0." in after(browser, browser.send("/queue/retry"))


def test_an_operation_has_a_page(app: Flask) -> None:
    browser, waiting = Browser(app.test_client()), queued(app)
    shown = html.unescape(browser.get(f"/queue/{waiting}").text)
    assert '"media_id": 603' in shown
    assert "tried" in shown


def test_while_the_database_is_away_breakers_obey(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app("development", plex={"url": "http://127.0.0.1:1"}, sandbox=False)
    browser = Browser(app.test_client())  # whose database has no tables
    browser.log_in()
    assert "is held open." in after(browser, browser.send(BREAKER, action="open", reason="x"))
    assert browser.get("/queue").status_code == 503
    assert browser.send("/queue/retry").status_code == 503
    assert "nobody knows what waits" in browser.get("/").text


def test_without_a_script_no_page_is_loaded_anew_under_who_fills_it_in(operator: Browser) -> None:
    """Keeps out: what an operator types is gone after five seconds."""
    assert 'http-equiv="refresh"' not in operator.get(BREAKER).text
    assert f'<a href="{BREAKER}">load it anew' in operator.get(f"{BREAKER}?notice=x").text
    for path in (BREAKER, "/breakers"):  # who only looks fills in nothing
        assert (
            'http-equiv="refresh"'
            in Browser(operator.client.application.test_client()).get(path).text
        )
    assert 'http-equiv="refresh"' in operator.get("/breakers").text


def test_it_says_how_many_workers_obey_and_who_is_silent(operator: Browser, tmp_path: Path) -> None:
    """One that stands still is a worker all the same."""
    peers = operator.client.application.extensions["medianest"].host.peers
    peers.start()
    still = Membership(tmp_path / "peers", "2")
    try:
        answer = operator.send(BREAKER, action="open", reason="moving", lasts="600")
    finally:
        still.close()
        peers.stop()
    told = f"1 of 2 workers obey: worker 2 (process {os.getpid()}) has not answered."
    assert told in after(operator, answer)
