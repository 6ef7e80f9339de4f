"""The head of each page stays what it is on every screen, whatever the names in it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, product
from typing import Literal

from flask import Flask
from playwright.sync_api import Browser

from tests.page.conftest import Browser as Client
from tests.page.conftest import make_app, tables

__all__ = ["make_app", "tables"]

WIDTHS = (320, 360, 414, 600, 800, 801, 1079, 1080, 1081, 1180, 1181, 1240, 2560)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LONG = "a-house-with-a-name-that-goes-on-and-on.example.internal"

RENAMED = """long => {
  document.querySelector('.brand a').textContent = long;
  document.querySelectorAll('.tag').forEach(each => each.textContent = long);
}"""
LOOK = """() => {
  const box = each => each.getBoundingClientRect(), of = found => document.querySelector(found);
  const middle = each => (box(each).top + box(each).bottom) / 2;
  const sign = of('.out, .in'), pages = [...document.querySelectorAll('nav a')];
  const shown = [...pages, sign, ...document.querySelectorAll('.tag, .brand')]
    .filter(each => box(each).height);
  const beside = [of('.brand'), of('.tags'), of('nav')]
    .filter(each => Math.abs(middle(each) - middle(sign)) < 20);
  return {
    sticks_out: document.documentElement.scrollWidth - innerWidth,
    tallest: Math.max(...shown.map(each => box(each).height)),
    sign_below: middle(sign) - middle(of('.brand')),
    rows: new Set(pages.map(each => box(each).top)).size,
    sign_over: Math.max(0, ...beside.map(each => box(each).right - box(sign).left)),
  };
}"""


def test_nothing_in_it_wraps_on_any_screen(
    browser: Browser, make_app: Callable[..., Flask], tables: None
) -> None:
    """Keeps out: "Sign out" in a line of its own."""
    client = Client(make_app("development", sandbox=False).test_client())
    pages = [client.get("/login").text]
    client.log_in()
    pages.append(client.get("/audit").text)
    page = browser.new_page()
    for html, name in product(pages, (None, LONG)):
        page.set_content(html)
        if name is not None:
            page.evaluate(RENAMED, name)
        for width, scheme in zip(WIDTHS, cycle(SCHEMES)):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 600})
            found = page.evaluate(LOOK)
            where = f"{width} px, {scheme}, {name}: {found}"
            assert found["sticks_out"] <= 0, where
            assert found["tallest"] < 50, where
            assert abs(found["sign_below"]) < 8, where
            assert (found["rows"], found["sign_over"]) == (1, 0), where
    page.close()
