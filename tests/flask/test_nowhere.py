"""What is not there, in an app that is not ours: only below the page it is ours to say so."""

from __future__ import annotations

from tests.flask.conftest import Shop

PAGE = "/resilience/page/"
HTML = {"Accept": "text/html"}


def test_only_below_the_page_the_answer_is_ours(shop: Shop) -> None:
    shop.app.register_error_handler(404, lambda error: ("the shop has no such thing", 404))
    ours = shop.client.get(f"{PAGE}nowhere/at/all", headers=HTML)
    assert (ours.status_code, ours.mimetype) == (404, "text/html")
    assert f'href="{PAGE}">To the front page</a>' in ours.text
    assert ours.headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/nowhere", "/resilience/nowhere"):
        theirs = shop.client.get(path, headers=HTML)
        assert (theirs.status_code, theirs.text) == (404, "the shop has no such thing")
    problem = shop.client.get(f"{PAGE}nowhere")
    assert problem.mimetype == "application/problem+json"


def test_what_the_shop_has_below_the_page_stays_its_own(shop: Shop) -> None:
    shop.app.add_url_rule(f"{PAGE}till", view_func=lambda: "the till")
    assert shop.client.get(f"{PAGE}till").text == "the till"
