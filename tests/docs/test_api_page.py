"""docs/api.md names each endpoint of the server, with who may call it, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from medianest.app import create_app
from medianest.web.endpoint import endpoint_of
from tests.docs import ROOT
from tests.support.narrowing import not_none

_ROW = re.compile(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/\S+)` \| (\w+) \|", re.MULTILINE)


def endpoints(app: Flask) -> Iterator[tuple[str, str, str]]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("page."):
            continue
        path = re.sub(r"<\w+:", "<", rule.rule)
        found = endpoint_of(app.view_functions[rule.endpoint])
        for method in not_none(rule.methods) - {"HEAD", "OPTIONS"}:
            yield method, path, (found and found.role) or "anyone"


def test_the_page_names_each_endpoint_and_its_role(tmp_path: Path) -> None:
    app = create_app({"env": "testing", "instance_path": str(tmp_path)})
    told = _ROW.findall((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    assert sorted(told) == sorted(endpoints(app))
