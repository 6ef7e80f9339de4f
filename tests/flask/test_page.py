"""The page of an app that is not ours."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask, Response, redirect, request

from tests.flask.conftest import SAME_ORIGIN, Shop

PAGE = "/resilience/page/"
REPORTS = f"{PAGE}breakers/reports"


def test_an_app_of_ten_lines_shows_its_breakers_on_its_page(shop: Shop) -> None:
    shop.fail()
    page = shop.get(PAGE).text
    assert "<title>shop</title>" in page
    assert "reports does not work" in page
    assert "the report takes too long" in page
    assert 'href="/resilience/page/breakers/reports"' in page
    detail = shop.get(REPORTS).text
    assert "2 of 2 calls failed" in detail


def test_its_pages_are_those_of_what_it_has(shop: Shop) -> None:
    page = shop.get(PAGE).text
    for name in ("breakers", "alerts", "dependencies", "events", "recovery", "routes", "audit"):
        assert shop.get(PAGE + name).status_code == 200
        assert f'href="{PAGE}{name}"' in page
    for name in ("queue", "login", "logout"):
        assert shop.get(PAGE + name).status_code == 404
    assert "Queue" not in page
    assert "Sign in" not in page
    assert "Watch another" not in shop.get(f"{PAGE}dependencies").text
    with shop.get(f"{PAGE}assets/page.js") as script:
        assert script.status_code == 200


def test_a_form_acts_without_a_script(shop: Shop) -> None:
    shop.fail()
    sent = shop.send(REPORTS, shop.get(REPORTS).text, action="close", reason="it is well again")
    assert (sent.status_code, shop.state) == (303, "closed")
    assert "reports is closed." in shop.get(sent.location).text
    (entry,) = shop.get("/resilience/audit").json["items"]
    assert (entry["actor"], entry["action"]) == ("ada", "circuit-breaker.close")
    assert entry["reason"] == "it is well again"


def test_a_form_that_is_refused_can_be_sent_again(shop: Shop) -> None:
    refused = shop.send(REPORTS, shop.get(REPORTS).text, action="open", reason=" ")
    assert (refused.status_code, shop.state) == (422, "closed")
    sent = shop.send(REPORTS, refused.text, action="open", reason="moving house")
    assert (sent.status_code, shop.state) == (303, "forced_open")


def test_a_form_that_proves_nothing_gets_no_proof(shop: Shop) -> None:
    sent = shop.client.post(REPORTS, data={"action": "open"}, headers=SAME_ORIGIN)
    assert sent.status_code == 403
    assert 'name="proof"' not in sent.text


def test_a_policy_of_the_apps_own_leaves_it_its_style(shop: Shop) -> None:
    """It allows the app's own files, as is usual, and no style in a page."""

    @shop.app.after_request
    def allow_files(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "default-src 'self'"
        return response

    for path in (PAGE, f"{PAGE}nowhere"):
        page = shop.client.get(path, headers={"Accept": "text/html"}).text
        assert "<style" not in page
        (style,) = re.findall(r'<link rel="stylesheet" href="([^"?]+)', page)
        with shop.get(style) as file:
            assert (file.status_code, file.mimetype) == (200, "text/css")


def test_what_does_not_outlive_the_process_is_told(shop: Shop) -> None:
    sent = shop.send(REPORTS, shop.get(REPORTS).text, action="open", reason="moving house")
    assert shop.state == "forced_open"
    assert "This process obeys; it ends with this process." in shop.get(sent.location).text


def test_forms_of_other_sites_do_nothing(shop: Shop) -> None:
    page = shop.get(REPORTS).text
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        sent = shop.send(REPORTS, page, headers, action="open")
        assert (sent.status_code, shop.state) == (403, "closed")
    without_proof = shop.client.post(REPORTS, data={"action": "open"}, headers=SAME_ORIGIN)
    assert (without_proof.status_code, shop.state) == (403, "closed")


def test_a_proof_is_for_who_was_shown_the_page(make_shop: Callable[..., Shop]) -> None:
    who = ["ada"]
    shop = make_shop(endpoints="/resilience", page=True, authorize=lambda role: who[0])
    page = shop.get(REPORTS).text
    who[0] = "bob"
    assert shop.send(REPORTS, page, action="open").status_code == 403
    assert shop.send(REPORTS, shop.get(REPORTS).text, action="enable").status_code == 303


def test_workers_with_one_secret_take_the_forms_of_each_other(
    make_shop: Callable[..., Shop],
) -> None:
    first, second = (
        make_shop(endpoints="/resilience", page=True, authorize=lambda role: "ada")
        for _ in range(2)
    )
    page = first.get(REPORTS).text
    assert second.send(REPORTS, page, action="open").status_code == 403
    first.app.secret_key = second.app.secret_key = "shared"
    assert second.send(REPORTS, first.get(REPORTS).text, action="enable").status_code == 303


def test_who_may_only_look_gets_no_forms(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(endpoints="/resilience", page=True, authorize=lambda role: role == "viewer")
    page = shop.get(REPORTS).text
    assert "<form" not in page
    assert "Only operators may act." in page
    assert shop.send(REPORTS, page, action="open").status_code == 403
    assert shop.state == "closed"


def test_strangers_get_the_answer_of_the_app(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(
        endpoints="/resilience", page=True, authorize=lambda role: redirect("/my-login")
    )
    assert shop.get(PAGE).location == "/my-login"
    assert shop.get("/resilience/status").location == "/my-login"
    # The script of a page that is open loads it anew, and so comes to the login.
    assert shop.get(f"{PAGE}?fragment").status_code == 401
    sent = shop.send(REPORTS, "", action="open")
    assert (sent.location, shop.state) == ("/my-login", "closed")


def test_who_is_refused_is_told_so(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(endpoints="/resilience", page=True, authorize=lambda role: False)
    answer = shop.get(PAGE)
    assert answer.status_code == 403
    assert "this app does not let you look at it" in answer.text


def test_the_apps_templates_and_filters_are_its_own(make_shop: Callable[..., Shop]) -> None:
    """Keeps out: our filters, such as `duration`, in the place of the app's."""
    app = Flask("shop")
    app.jinja_options = {"variable_start_string": "[[", "variable_end_string": "]]"}
    app.template_filter("duration")(lambda seconds: f"{seconds} of mine")
    before = dict(app.jinja_env.filters)
    shop = make_shop(app, endpoints="/resilience", page=True, authorize=lambda role: True)
    assert "<title>shop</title>" in shop.get(PAGE).text
    assert app.jinja_env.filters == before


def test_blueprints_of_the_same_names_stay_the_apps(make_shop: Callable[..., Shop]) -> None:
    app = Flask("shop")
    from flask import Blueprint

    for name in ("page", "health", "alerts"):
        own = Blueprint(name, __name__, url_prefix=f"/{name}")
        own.add_url_rule("/", "show_now", lambda name=name: f"my own {name}, {request.endpoint}")
        app.register_blueprint(own)
    shop = make_shop(app, endpoints="/resilience", page=True, authorize=lambda role: True)
    assert shop.get("/page/").text == "my own page, page.show_now"
    assert 'href="/resilience/page/alerts"' in shop.get(PAGE).text
    ours = set(app.blueprints) - {"page", "health", "alerts"}
    assert {name.partition(".")[0] for name in ours} == {"medianest"}


def test_the_page_may_be_anywhere(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(page="/ops", authorize=lambda role: True)
    assert 'href="/ops/breakers"' in shop.get("/ops/").text
    assert shop.get("/resilience/status").status_code == 404
