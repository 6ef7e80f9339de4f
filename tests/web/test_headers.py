"""Every answer says that it is what it says it is; pages may do nothing."""

import base64
import hashlib
import re
from collections.abc import Callable

import pytest
from flask import Flask


def test_nothing_is_sniffed(make_app: Callable[..., Flask]) -> None:
    client = make_app("development").test_client()
    for path in ("/problems/invalid", "/problems/nothing", "/api/v1/health/live", "/metrics"):
        answer = client.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        is_page = path == "/problems/invalid"
        assert ("Content-Security-Policy" in answer.headers) is is_page


@pytest.mark.parametrize("path", ["/docs", "/problems/invalid"])
def test_a_page_may_use_its_own_style_and_nothing_else(
    make_app: Callable[..., Flask], path: str
) -> None:
    answer = make_app("development").test_client().get(path)
    policies = answer.headers["Content-Security-Policy"].split("; ")
    policy = dict(each.split(" ", 1) for each in policies)
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == {
        "default-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "style-src": f"'sha256-{digest}'",
    }
    assert "style=" not in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert style.strip().endswith("}")


def test_html_that_nobody_here_wrote_may_not_even_have_a_style(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app()
    app.add_url_rule("/odd", view_func=lambda: "<p>odd</p>")
    policy = app.test_client().get("/odd").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "style-src" not in policy
